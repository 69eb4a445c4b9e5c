"""Seconds of attributions: Switchback's command line against PyTorch and packages for it, in turns.

    attribution_speed.py rise SWITCHBACK MODELS PICTURE [--masks 4000] [--repeats 3]
    attribution_speed.py curves SWITCHBACK MODELS PICTURE PICTURE... [--rankings 1] [--repeats 3]
    attribution_speed.py explain SWITCHBACK MODELS PICTURE PICTURE... [--repeats 5] [--points 50]
        [--networks NAME,NAME] [--methods NAME,NAME] [--count COUNT] [--unit 17]

SWITCHBACK is a release build's binary; MODELS a folder with squeezenet1.1.onnx and alexnet-conv.onnx.
Pictures are cut to the network's input size before anything is timed. Both sides have two threads and compute
in float32. Needs what attributions.py needs, which is also where answers are compared.

`rise` makes a map of RISE (Petsiuk et al. 2018). The command's time is that of a whole process.

`curves` hides a picture's pixels in 50 steps, by the gradient's ranking: most relevant first and least
relevant first, filled with the mean colour and with a blurred copy. Both orders together are deletion and
insertion, as showing the most relevant first is hiding the least relevant first, read backwards. That is 199
passes a picture: orders share the whole picture and the whole fill. `--rankings` adds rankings by chance, for
controls that the command has beside the gradient. The command is run on the first picture and on all of them;
the time of a picture is the difference over the number of the others, so that starting costs nothing.

For these two, PyTorch's time is that of the work alone: neither its start nor reading the model is counted.
Its batch size (8 or 32) and memory layout are the fastest of a short trial. Prints each side's median and the
ratio.

`explain` is integrated gradients, class activation maps, relevance and DeepLIFT, a method at a time: of a
class of SqueezeNet, of a unit of AlexNet-conv's last maps (`--unit`) and of a class of ZFNet, which is made
with random weights where MODELS has no zfnet.onnx. Relevance passes ZFNet's normalisations as it is on both
sides. Times are of one picture.

- Ours: the command on 2 + COUNT pictures less the command on 2, over COUNT (8 for integrated gradients, else
  48), so that starting, reading the network and preparing it for two threads cost nothing. The command also
  draws figures, which can take longer than a walk. So each run's page is removed and the command run again:
  it then finds everything done, and starts and draws alone. These seconds are taken off before the
  difference, and printed. What stays, though theirs has none of it: decoding each picture (a PNG), making it
  the network's input, and writing its arrays and findings. Pictures are taken in turn until there are enough.
- Theirs: the package's own call alone, on inputs in memory, with hooks set once where the package allows it,
  and in the memory layout (channels first or last) that was faster in a short trial. The class, or the
  place where the unit is strongest, is given. Where batches of 8 pictures are made, grad-cam's weights are
  told to want no gradients, which its users seldom do. Each peer is a process of its own.
- Memory is the most that a whole process held: ours on 2 + COUNT pictures, drawing included; theirs since
  the trial, and in brackets what it held before its first picture, which is mostly libraries.

Prints a line a peer: medians, the ratio theirs / ours, and the least and the largest ratio of a turn.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection

import onnx
import torch
from captum import attr
from PIL import Image
from pytorch_grad_cam import GradCAM
from torch import Tensor, nn
from torch.nn import functional
from zennit.attribution import Gradient
from zennit.rules import Pass

from attributions import Net, Preprocessing, knows, zennit_composites

THREADS = 2
CELLS, STEPS = 7, 50
NETWORKS = ["squeezenet1.1", "alexnet-conv", "zfnet"]
METHODS = [
    "integrated-gradients", "gradcam", "lrp-epsilon-plus", "lrp-epsilon-plus-flat", "lrp-epsilon-gamma-box",
    "lrp-epsilon-alpha2-beta1", "deeplift",
]
# Pictures that a run has beside those whose time is taken: one for each thread.
FIRST = THREADS
# Runs a command and says its seconds and the most memory it held, in bytes. A process of its own, as Linux
# counts what the process held that started a command, which is PyTorch here, as the command's.
MEASURE = """
import json, os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
taken = time.perf_counter() - start
print(json.dumps([status, taken, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)]))
"""


@dataclass
class Subject:
    name: str
    model: pathlib.Path
    net: Net
    preprocessing: Preprocessing
    side: int
    # The class or the unit that is explained, and what the command is told for it.
    index: int
    goal: list[str]
    # The layer of class activation maps.
    camera: str

    def input(self, picture: pathlib.Path) -> Tensor:
        return self.preprocessing.input(Image.open(picture)).float()

    @torch.inference_mode()
    def scores(self, pixels: Tensor, layout: torch.memory_format) -> Tensor:
        return self.score(self.net(pixels.contiguous(memory_format=layout)))

    def score(self, output: Tensor) -> Tensor:
        """Of each picture the class's score, or the unit's strongest activation."""
        scores = output[:, self.index]
        return scores.amax((1, 2)) if scores.dim() == 3 else scores

    @torch.inference_mode()
    def targets(self, pixels: Tensor) -> list[tuple[int, ...]]:
        """Of each picture the class, or the unit and the place where it is strongest."""
        scores = self.net(pixels)[:, self.index]
        if scores.dim() == 1:
            return [(self.index,)] * len(scores)
        return [(self.index, *divmod(int(each.argmax()), each.shape[1])) for each in scores]


@dataclass
class Way:
    """How PyTorch is run."""

    batch: int
    layout: torch.memory_format

    def __str__(self) -> str:
        layout = "channels last" if self.layout == torch.channels_last else "channels first"
        return f"batches of {self.batch}, {layout}"


def subject(name: str, models: pathlib.Path, picture: pathlib.Path, unit: int = 17) -> Subject:
    """A network; a class is the one that the picture has the largest score of."""
    path = models / f"{name}.onnx"
    imagenet = Preprocessing("RGB", 1 / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    caffe = Preprocessing("BGR", 1.0, [104.0, 117.0, 123.0], [1.0, 1.0, 1.0])
    until, camera, side, preprocessing = {
        "squeezenet1.1": ("logits", "conv10", 227, caffe),
        "alexnet-conv": ("relu5", "conv5_pre", 224, imagenet),
        "zfnet": ("fc8", "conv5", 224, imagenet),
    }[name]
    net = Net(onnx.load(path).graph, until).float().eval()
    if name == "alexnet-conv":
        index, goal = unit, ["--unit", f"{until}:{unit}"]
    else:
        with torch.inference_mode():
            index = int(net(preprocessing.input(cut(picture, side)).float())[0].argmax())
        goal = ["--class", str(index)]
    return Subject(name, path, net, preprocessing, side, index, goal, camera)


def cut(picture: pathlib.Path, side: int) -> Image.Image:
    image = Image.open(picture).convert("RGB")
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    return image.resize((side, side), Image.Resampling.BICUBIC, (left, top, left + short, top + short))


def rise(subject: Subject, pixels: Tensor, masks: int, way: Way, generator: torch.Generator) -> Tensor:
    """The mean score of masks that show a place, as Switchback divides: by how often they showed it."""
    side = subject.side
    cell = -(-side // CELLS)
    total, shown = torch.zeros(side, side), torch.zeros(side, side)
    for start in range(0, masks, way.batch):
        count = min(way.batch, masks - start)
        grid = torch.randint(0, 2, (count, 1, CELLS + 1, CELLS + 1), generator=generator).float()
        large = functional.interpolate(grid, scale_factor=cell, mode="bilinear", align_corners=False)
        shifts = torch.randint(0, cell, (count, 2), generator=generator).tolist()
        some = torch.cat([
            large[index:index + 1, :, top:top + side, left:left + side]
            for index, (top, left) in enumerate(shifts)])
        scores = subject.scores(pixels * some, way.layout)
        total += (scores[:, None, None] * some[:, 0]).sum(0)
        shown += some[:, 0].sum(0)
    return total / shown.clamp(min=1e-9)


def blurred(pixels: Tensor) -> Tensor:
    """RISE's own fill for insertion: a Gaussian of 11 pixels, with a deviation of 5."""
    window = torch.exp(-torch.arange(-5.0, 6.0) ** 2 / 50)
    window = (window / window.sum()).expand(3, 1, 1, 11)
    padded = functional.pad(pixels, (5, 5, 5, 5), mode="reflect")
    return functional.conv2d(functional.conv2d(padded, window, groups=3), window.transpose(2, 3), groups=3)


def curves(
    subject: Subject, pixels: Tensor, rankings: int, way: Way, generator: torch.Generator
) -> list[float]:
    """The area under each curve; a curve for each ranking, fill and order."""
    leaf = pixels.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(subject.score(subject.net(leaf)).sum(), leaf)
    relevance = [slopes.sum((0, 1)).flatten()]
    count = relevance[0].numel()
    relevance += [torch.rand(count, generator=generator) for _ in range(rankings - 1)]
    fills = [torch.zeros_like(pixels), blurred(pixels)]
    # The step at which each pixel is hidden, of each ranking and order.
    steps: list[Tensor] = []
    for each in relevance:
        for isDescending in (True, False):
            places = torch.argsort(each, descending=isDescending, stable=True)
            step = torch.empty(count, dtype=torch.long)
            step[places] = torch.arange(count) * STEPS // count
            steps.append(step.view(1, 1, subject.side, subject.side))
    ends = subject.scores(torch.cat([pixels, *fills]), way.layout).tolist()
    # Pictures are made when their batch is run.
    wanted = [
        (fill, step, hidden)
        for fill in range(len(fills)) for step in range(len(steps)) for hidden in range(1, STEPS)]
    scores: list[float] = []
    for start in range(0, len(wanted), way.batch):
        batch = torch.cat([
            torch.where(steps[step] < hidden, fills[fill], pixels)
            for fill, step, hidden in wanted[start:start + way.batch]])
        scores += subject.scores(batch, way.layout).tolist()
    areas = []
    for index in range(len(fills) * len(steps)):
        inner = scores[index * (STEPS - 1):(index + 1) * (STEPS - 1)]
        fill = ends[1 + index // len(steps)]
        areas.append((sum(inner) + (ends[0] + fill) / 2) / STEPS)
    return areas


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def fastest(work: Callable[[Way], object]) -> Way:
    """Of a short trial, each way run once before it is timed."""
    layouts = (torch.contiguous_format, torch.channels_last)
    ways = [Way(batch, layout) for batch in (8, 32) for layout in layouts]
    found = []
    for way in ways:
        work(way)
        found.append((seconds(lambda: work(way)), way))  # noqa: B023
    return min(found, key=lambda each: each[0])[1]


def run(command: list[str]) -> float:
    """Seconds of a command whose `--out` is a folder of its own, removed after."""
    with tempfile.TemporaryDirectory() as out:
        whole = [*command, "--out", out + "/run", "--threads", str(THREADS), "--quiet"]
        start = time.perf_counter()
        done = subprocess.run(whole, capture_output=True, text=True)
        taken = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(whole)}\n{done.stderr}")
    return taken


def report(name: str, what: str, ours: list[float], theirs: list[float], way: Way) -> None:
    other = statistics.median(theirs)
    line = f"{name:14} {what:32} torch {other:8.3f} s ({way})"
    if ours:
        one = statistics.median(ours)
        line += f"   switchback {one:8.3f} s   torch / switchback {other / one:5.2f}"
    print(line, flush=True)


def compare_rise(arguments: argparse.Namespace, subject: Subject, file: pathlib.Path) -> None:
    pixels, generator = subject.input(file), torch.Generator().manual_seed(0)
    way = fastest(lambda way: rise(subject, pixels, min(arguments.masks, 128), way, generator))
    command = [
        arguments.switchback, "explain", str(subject.model), str(file), "--method", "rise",
        "--points", str(arguments.masks), *subject.goal, *subject.preprocessing.options()]
    ours, theirs = [], []
    for _ in range(arguments.repeats):
        if not arguments.only_torch:
            ours.append(run(command))
        theirs.append(seconds(lambda: rise(subject, pixels, arguments.masks, way, generator)))
    report(subject.name, f"RISE, {arguments.masks} masks", ours, theirs, way)


def compare_curves(arguments: argparse.Namespace, subject: Subject, files: list[pathlib.Path]) -> None:
    generator, others = torch.Generator().manual_seed(0), len(files) - 1
    inputs = [subject.input(file) for file in files[1:]]
    way = fastest(lambda way: curves(subject, inputs[0], arguments.rankings, way, generator))

    def command(pictures: pathlib.Path, count: int) -> list[str]:
        return [
            arguments.switchback, "trust", str(subject.model), str(pictures), "--methods", "gradient",
            "--sample", str(count), "--metrics", "curves", *subject.goal,
            *subject.preprocessing.options()]

    def by_torch() -> None:
        for pixels in inputs:
            curves(subject, pixels, arguments.rankings, way, generator)

    ours, theirs = [], []
    for _ in range(arguments.repeats):
        if not arguments.only_torch:
            one = run(command(files[0], 1))
            ours.append((run(command(files[0].parent, len(files))) - one) / others)
        theirs.append(seconds(by_torch) / others)
    passes = 1 + 2 + 2 * 2 * (STEPS - 1) * arguments.rankings
    report(subject.name, f"curves, {passes} passes a picture", ours, theirs, way)


@dataclass
class Peer:
    """A package's way to a method."""

    package: str
    title: str
    # Pictures in a batch; inputs in a batch of integrated gradients, None for all.
    pictures: int = 1
    inner: int | None = None


def peers(method: str) -> list[Peer]:
    if method == "integrated-gradients":
        return [Peer("captum", "8 points at once", inner=8), Peer("captum", "all points at once")]
    package = {"gradcam": "grad-cam", "deeplift": "captum"}.get(method, "zennit")
    return [Peer(package, "one picture"), Peer(package, "8 pictures", pictures=8)]


def explainer(
    subject: Subject, method: str, peer: Peer, points: int, stack: ExitStack
) -> Callable[[Tensor, list[tuple[int, ...]]], object]:
    """Explains a batch of pictures, given each one's target."""
    net = subject.net

    def captum_target(targets: list[tuple[int, ...]]) -> tuple[int, ...] | list[tuple[int, ...]]:
        return targets if len(targets) > 1 else targets[0]

    match method:
        case "integrated-gradients":
            integrated = attr.IntegratedGradients(net)
            return lambda batch, targets: integrated.attribute(
                batch, baselines=torch.zeros_like(batch), target=captum_target(targets), n_steps=points,
                method="gausslegendre", internal_batch_size=peer.inner)
        case "deeplift":
            deeplift = attr.DeepLift(net)
            return lambda batch, targets: deeplift.attribute(
                batch, baselines=torch.zeros_like(batch), target=captum_target(targets))
        case "gradcam":
            camera = stack.enter_context(GradCAM(net, [net.layer(subject.camera)]))
            isFrozen = peer.pictures > 1
            net.requires_grad_(not isFrozen)
            return lambda batch, targets: camera(
                batch.clone().requires_grad_(isFrozen),
                [lambda output, place=place: output[place] for place in targets])
    low, high = (end.float() for end in subject.preprocessing.ends())
    composite = dict(zennit_composites(low, high, [(nn.LocalResponseNorm, Pass())]))[method]
    gradient = stack.enter_context(Gradient(net, composite))

    def relevance(batch: Tensor, targets: list[tuple[int, ...]]) -> Tensor:
        places = (torch.arange(len(targets)), *map(torch.tensor, zip(*targets, strict=True)))

        def start(output: Tensor) -> Tensor:
            signal = torch.zeros_like(output)
            signal[places] = output[places]
            return signal

        return gradient(batch.clone().requires_grad_(), start)[1]

    return relevance


def held(what: str = "VmHWM") -> int:
    """The most bytes held since this process was told to forget, or held now (VmRSS); Linux alone says so."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024
    raise ValueError(what)


def serve(
    connection: Connection, name: str, models: pathlib.Path, files: list[pathlib.Path], unit: int,
    method: str, peer: Peer, points: int
) -> None:
    """A peer's process: what it held when ready, then for each request its seconds, then what it held."""
    torch.set_num_threads(THREADS)
    warnings.filterwarnings("ignore", message=".*backward hook.*|.*required_grads.*|.*non-full.*")
    made = subject(name, models, files[0], unit)
    inputs = torch.cat([made.input(file) for file in files]).split(peer.pictures)
    targets = [made.targets(batch) for batch in inputs]
    before = held("VmRSS")
    with ExitStack() as stack:
        explain = explainer(made, method, peer, points, stack)

        def lay(layout: torch.memory_format) -> list[Tensor]:
            made.net.to(memory_format=layout)
            return [batch.contiguous(memory_format=layout) for batch in inputs]

        def trial(layout: torch.memory_format) -> float:
            batch = lay(layout)[0]
            explain(batch, targets[0])
            return min(seconds(lambda: explain(batch, targets[0])) for _ in range(2))

        layouts = {torch.contiguous_format: "channels first", torch.channels_last: "channels last"}
        layout = min(layouts, key=trial)
        batches = lay(layout)
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        connection.send((layouts[layout], before))

        def all_batches() -> None:
            for batch, target in zip(batches, targets, strict=True):
                explain(batch, target)

        parent = os.getppid()
        while True:
            # A forked process holds both ends of its pipe, so it is not told when the other side is gone.
            while not connection.poll(1):
                if os.getppid() != parent:
                    return
            if not connection.recv():
                break
            connection.send(seconds(all_batches) / len(files))
    connection.send(held())


class Served:
    """A peer's process, seen from here.

    It is forked, so that packages are imported once; this process must not compute with PyTorch before.
    """

    def __init__(self, *arguments: object) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, *arguments), daemon=True)
        self.process.start()
        other.close()
        self.layout, self.before = self.connection.recv()
        self.times: list[float] = []

    def turn(self) -> None:
        self.connection.send(True)
        self.times.append(self.connection.recv())

    def end(self) -> int:
        self.connection.send(False)
        peak = self.connection.recv()
        self.process.join()
        return peak


def told(
    connection: Connection, name: str, models: pathlib.Path, picture: pathlib.Path, unit: int
) -> None:
    made = subject(name, models, picture, unit)
    connection.send((made.side, [*made.goal, *made.preprocessing.options()]))


def options(name: str, models: pathlib.Path, picture: pathlib.Path, unit: int) -> tuple[int, list[str]]:
    """A network's input side and what the command is told, found by a process that may compute."""
    context = multiprocessing.get_context("fork")
    connection, other = context.Pipe()
    process = context.Process(target=told, args=(other, name, models, picture, unit))
    process.start()
    other.close()
    found = connection.recv()
    process.join()
    return found


class Command:
    """`switchback explain` by one method, on few pictures and on many."""

    def __init__(self, switchback: str, model: pathlib.Path, options: list[str], count: int) -> None:
        self.switchback, self.model, self.options, self.count = switchback, model, options, count
        self.times: list[float] = []
        self.drawings: list[float] = []
        self.peak = 0

    def turn(self, few: pathlib.Path, many: pathlib.Path) -> None:
        small, small_drawing = self.run(few)
        large, large_drawing = self.run(many)
        self.drawings.append((large_drawing - small_drawing) / self.count)
        self.times.append((large - small) / self.count - self.drawings[-1])

    def run(self, pictures: pathlib.Path) -> tuple[float, float]:
        """The seconds of the whole, and those of starting and drawing alone."""
        with tempfile.TemporaryDirectory() as temporary:
            out = pathlib.Path(temporary) / "run"
            command = [
                self.switchback, "explain", str(self.model), str(pictures), "--out", str(out), "--threads",
                str(THREADS), "--quiet", *self.options]
            whole = self.measured(command)
            (out / "index.html").unlink()
            shutil.rmtree(out / "figures")
            drawing = self.measured(command)
            if not (out / "figures").exists() or len(list(out.glob("explanations/*.json"))) != len(
                list(pictures.iterdir())
            ):
                sys.exit(f"{' '.join(command)}: explanations or figures are missing")
        return whole, drawing

    def measured(self, command: list[str]) -> float:
        done = subprocess.run(
            [sys.executable, "-S", "-c", MEASURE, *command], capture_output=True, text=True, check=True)
        status, taken, held = json.loads(done.stdout)
        if status:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")
        self.peak = max(self.peak, held)
        return taken


def compare_explanations(arguments: argparse.Namespace, name: str, models: pathlib.Path) -> None:
    side, told = options(name, models, arguments.pictures[0], arguments.unit)
    with tempfile.TemporaryDirectory() as temporary:
        files: list[pathlib.Path] = []
        for number, picture in enumerate(arguments.pictures):
            files.append(pathlib.Path(temporary) / f"{number}.png")
            cut(picture, side).save(files[-1])

        def folder(count: int) -> pathlib.Path:
            made = pathlib.Path(temporary) / f"{count}-pictures"
            if not made.exists():
                made.mkdir()
                for number in range(count):
                    shutil.copy(files[number % len(files)], made / f"{number:03}.png")
            return made

        for method in arguments.methods:
            if not knows(arguments.switchback, method):
                print(f"{name:14} {method}: the binary does not know it", flush=True)
                continue
            isLong = method == "integrated-gradients"
            count = arguments.count or (8 if isLong else 48)
            points = ["--points", str(arguments.points)] if isLong else []
            command = Command(
                arguments.switchback, models / f"{name}.onnx", ["--method", method, *points, *told], count)
            taken = [files[number % len(files)] for number in range(1 if isLong else min(count, 16))]
            ways = peers(method)
            served = [
                Served(name, models, taken, arguments.unit, method, peer, arguments.points) for peer in ways]
            for _ in range(arguments.repeats):
                command.turn(folder(FIRST), folder(FIRST + count))
                for each in served:
                    each.turn()
            if min(command.times) <= 0:
                warning = "starting varies by more than pictures take; raise --count"
                print(f"{name:14} {method}: {warning}", flush=True)
            ours, drawing = (1000 * statistics.median(times) for times in (command.times, command.drawings))
            print(
                f"{name:14} {method:26} switchback {ours:8.2f} ms {command.peak / 1e6:5.0f} MB"
                f"   (drawing, taken off: {drawing:.2f} ms)", flush=True)
            for peer, each in zip(ways, served, strict=True):
                theirs, peak = 1000 * statistics.median(each.times), each.end()
                ratios = [other / one for one, other in zip(command.times, each.times, strict=True)]
                print(
                    f"{'':14} {peer.package + ', ' + peer.title:26} {each.layout:>14} {theirs:8.2f} ms"
                    f" {peak / 1e6:5.0f} MB [{each.before / 1e6:.0f}]   theirs / ours {theirs / ours:5.2f}"
                    f" ({min(ratios):.2f} to {max(ratios):.2f})", flush=True)


def explain(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        for name in arguments.networks:
            models = arguments.models
            if name == "zfnet" and not (models / "zfnet.onnx").exists():
                models = pathlib.Path(temporary)
                script = pathlib.Path(__file__).with_name("zfnet.py")
                subprocess.run([sys.executable, str(script), str(models / "zfnet.onnx")], check=True)
            compare_explanations(arguments, name, models)
    print("load", " ".join(f"{load:.1f}" for load in os.getloadavg()))


def names(among: list[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        found = text.split(",")
        if wrong := set(found) - set(among):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(wrong))}: there are {', '.join(among)}")
        return found

    return parse


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["rise", "curves", "explain"])
    parser.add_argument("switchback")
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("pictures", type=pathlib.Path, nargs="+")
    parser.add_argument("--masks", type=int, default=4000)
    parser.add_argument("--rankings", type=int, default=1)
    parser.add_argument("--repeats", type=int, help="turns (default: 3; of explain 5)")
    parser.add_argument("--threads", type=int, default=THREADS, help="of PyTorch, for a trial")
    parser.add_argument("--only-torch", action="store_true", help="leave the command out; not of explain")
    parser.add_argument("--networks", type=names(NETWORKS), default=NETWORKS, help="of explain")
    parser.add_argument("--methods", type=names(METHODS), default=METHODS, help="of explain")
    parser.add_argument("--points", type=int, default=50, help="of integrated gradients")
    parser.add_argument("--unit", type=int, default=17, help="of AlexNet-conv's last maps")
    parser.add_argument("--count", type=int, help="pictures timed in explain's runs, a multiple of 4")
    arguments = parser.parse_args()
    if arguments.what == "curves" and len(arguments.pictures) < 2:
        parser.error("curves take two pictures or more")
    if arguments.count is not None and (arguments.count < 4 or arguments.count % 4):
        parser.error("--count must be a multiple of 4")
    if arguments.repeats is None:
        arguments.repeats = 5 if arguments.what == "explain" else 3
    if arguments.what == "explain":
        return explain(arguments)
    torch.set_num_threads(arguments.threads)
    for name in NETWORKS[:2]:
        network = subject(name, arguments.models, arguments.pictures[0], arguments.unit)
        with tempfile.TemporaryDirectory() as temporary:
            files = [pathlib.Path(temporary) / f"{number}.png" for number in range(len(arguments.pictures))]
            for file, picture in zip(files, arguments.pictures, strict=True):
                cut(picture, network.side).save(file)
            if arguments.what == "rise":
                compare_rise(arguments, network, files[0])
            else:
                compare_curves(arguments, network, files)


if __name__ == "__main__":
    main()
