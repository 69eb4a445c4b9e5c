"""Seconds of methods that hide parts of pictures: Switchback's command line against PyTorch, in turns.

    hiding.py rise SWITCHBACK MODELS PICTURE [--masks 4000] [--repeats 3]
    hiding.py curves SWITCHBACK MODELS PICTURE PICTURE... [--rankings 1] [--repeats 3]

SWITCHBACK is a release build's binary; MODELS a folder with squeezenet1.1.onnx and alexnet-conv.onnx.
Pictures are cut to the network's input size before anything is timed. Both sides have two threads and compute
in float32.

`rise` makes a map of RISE (Petsiuk et al. 2018). The command's time is that of a whole process.

`curves` hides a picture's pixels in 50 steps, by the gradient's ranking: most relevant first and least
relevant first, filled with the mean colour and with a blurred copy. Both orders together are deletion and
insertion, as showing the most relevant first is hiding the least relevant first, read backwards. That is 199
passes a picture: orders share the whole picture and the whole fill. `--rankings` adds rankings by chance, for
controls that the command has beside the gradient. The command is run on the first picture and on all of them;
the time of a picture is the difference over the number of the others, so that starting costs nothing.

PyTorch's time is that of the work alone: neither its start nor reading the model is counted. Its batch size
(8 or 32) and memory layout are the fastest of a short trial. Prints each side's median and the ratio. Needs
what attributions.py needs.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import onnx
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from attributions import Net, Preprocessing

THREADS = 2
CELLS, STEPS = 7, 50


@dataclass
class Subject:
    name: str
    model: pathlib.Path
    net: Net
    preprocessing: Preprocessing
    side: int
    # What the command is told to explain, and the same of a batch of outputs.
    goal: list[str]
    score: Callable[[Tensor], Tensor]

    def input(self, picture: pathlib.Path) -> Tensor:
        return self.preprocessing.input(Image.open(picture)).float()

    @torch.inference_mode()
    def scores(self, pixels: Tensor, layout: torch.memory_format) -> Tensor:
        return self.score(self.net(pixels.contiguous(memory_format=layout)))


@dataclass
class Way:
    """How PyTorch is run."""

    batch: int
    layout: torch.memory_format

    def __str__(self) -> str:
        layout = "channels last" if self.layout == torch.channels_last else "channels first"
        return f"batches of {self.batch}, {layout}"


def subjects(models: pathlib.Path, picture: pathlib.Path) -> Iterator[Subject]:
    """The networks; a class is the one that the picture has the largest score of."""
    path = models / "squeezenet1.1.onnx"
    caffe = Preprocessing("BGR", 1.0, [104.0, 117.0, 123.0], [1.0, 1.0, 1.0])
    net = Net(onnx.load(path).graph, "logits").float().eval()
    with torch.inference_mode():
        best = int(net(caffe.input(cut(picture, 227)).float())[0].argmax())
    yield Subject(
        "squeezenet1.1", path, net, caffe, 227, ["--class", str(best)], lambda output: output[:, best])
    path = models / "alexnet-conv.onnx"
    imagenet = Preprocessing("RGB", 1 / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    net = Net(onnx.load(path).graph, "relu5").float().eval()
    yield Subject(
        "alexnet-conv", path, net, imagenet, 224, ["--unit", "relu5:17"],
        lambda output: output[:, 17].amax((1, 2)))


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
            "--sample", str(count), "--metrics", "faithfulness", *subject.goal,
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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["rise", "curves"])
    parser.add_argument("switchback")
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("pictures", type=pathlib.Path, nargs="+")
    parser.add_argument("--masks", type=int, default=4000)
    parser.add_argument("--rankings", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=THREADS, help="of PyTorch, for a trial")
    parser.add_argument("--only-torch", action="store_true", help="leave the command out, for a trial")
    arguments = parser.parse_args()
    if arguments.what == "curves" and len(arguments.pictures) < 2:
        parser.error("curves take two pictures or more")
    torch.set_num_threads(arguments.threads)
    for subject in subjects(arguments.models, arguments.pictures[0]):
        with tempfile.TemporaryDirectory() as temporary:
            files = [pathlib.Path(temporary) / f"{number}.png" for number in range(len(arguments.pictures))]
            for file, picture in zip(files, arguments.pictures, strict=True):
                cut(picture, subject.side).save(file)
            if arguments.what == "rise":
                compare_rise(arguments, subject, files[0])
            else:
                compare_curves(arguments, subject, files)


if __name__ == "__main__":
    main()
