"""`switchback explain` against Captum, zennit, grad-cam, rules.py and sums by hand, all in float64.

    attributions.py SWITCHBACK MODELS PICTURE... [--out FOLDER]

SWITCHBACK is a release build's binary; MODELS a folder with squeezenet1.1.onnx and alexnet-conv.onnx. Each
PICTURE is cut to the network's input size. Three small networks are made here: one with residual sums and
batch normalisation, one with groups, dilation, averages and rectifiers that let negative values through, and
the same with an average in place of its max pool. DeepLIFT is compared where the binary knows it: with
rules.py, and with Captum where there is no max pool. Across max pools Captum 0.9's contributions do not add
up to the difference in score: the picture's winner gets all, as in a gradient.

Needs torch, onnx, numpy, pillow, captum 0.9, zennit 0.5.1 (1.0 has the same rules) and grad-cam 1.5.7. Prints
a line a comparison: the largest difference over the largest value of the peer (of sums, over the sum of
magnitudes), and how much is allowed; where a rectifier or a max pool is about to switch, twice what rounding
after each layer changes the peer's answer. Exits with 1 where one is wrong.
"""

import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial

import numpy
import onnx
import torch
from captum import attr
from captum.attr._core import deep_lift
from captum.attr._utils.lrp_rules import EpsilonRule
from numpy.typing import NDArray
from onnx import numpy_helper
from PIL import Image
from pytorch_grad_cam import GradCAM, HiResCAM, LayerCAM
from torch import nn
from zennit import composites
from zennit.attribution import Gradient
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.layer import Sum
from zennit.rules import Epsilon, Pass
from zennit.types import Activation, Linear

import rules

Array = NDArray[numpy.float64]

PIXELS = [
    "gradient", "input-x-gradient", "integrated-gradients", "smoothgrad", "smoothgrad-squared", "vargrad",
]
CAMERAS = {"gradcam": GradCAM, "hirescam": HiResCAM, "layercam": LayerCAM}
RELEVANCE = [
    "lrp-epsilon", "lrp-epsilon-plus", "lrp-epsilon-plus-flat", "lrp-epsilon-gamma-box",
    "lrp-epsilon-alpha2-beta1", "lrp-epsilon-alpha2-beta1-flat", "excitation",
]
# Smaller parts of the largest value than float32 can be trusted with, by what amplifies its rounding.
TOLERANCES = {"score": 1e-4, "lrp-epsilon": 1e-3, "lrp-epsilon-gamma-box": 1e-3}


class Net(nn.Module):
    """A feed-forward ONNX graph up to a value, each node a module of its own, in the graph's order."""

    def __init__(self, graph: onnx.GraphProto, until: str) -> None:
        super().__init__()
        weights = {each.name: torch.tensor(numpy_helper.to_array(each)) for each in graph.initializer}
        self.steps: list[tuple[str, list[str], str]] = []
        self.layers = nn.ModuleDict()
        self.input, self.until = graph.input[0].name, until
        for node in graph.node:
            settings = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
            name = node.output[0].replace(".", "_")
            if module := self.module(node, settings, weights):
                self.layers[name] = module
            self.steps.append((name if module else node.op_type, list(node.input), node.output[0]))
            if node.output[0] == until:
                return
        raise ValueError(until)

    @staticmethod
    def module(node: onnx.NodeProto, settings: dict, weights: dict[str, torch.Tensor]) -> nn.Module | None:
        window = [settings.get("kernel_shape"), settings.get("strides"), settings.get("pads", [0])[:2]]
        match node.op_type:
            case "Conv":
                filters, bias = (weights[name] for name in node.input[1:])
                outputs, inputs = filters.shape[:2]
                made = nn.Conv2d(inputs, outputs, *window)
                made.load_state_dict({"weight": filters, "bias": bias})
                return made
            case "MaxPool":
                sides = [window[0], window[1], window[2] if len(window[2]) == 2 else 0]
                return nn.MaxPool2d(*sides, ceil_mode=bool(settings.get("ceil_mode")))
            case "Relu":
                return nn.ReLU()
            case "GlobalAveragePool":
                return nn.AdaptiveAvgPool2d(1)
            case "LRN":
                names = {"size": "size", "alpha": "alpha", "beta": "beta", "bias": "k"}
                return nn.LocalResponseNorm(**{names[name]: value for name, value in settings.items()})
            case "Gemm":
                filters, bias = (weights[name] for name in node.input[1:])
                if settings != {"transB": 1}:
                    raise ValueError(f"no module for a product with {settings}")
                made = nn.Linear(filters.shape[1], filters.shape[0])
                made.load_state_dict({"weight": filters, "bias": bias})
                return made
        if node.op_type not in ("Concat", "Flatten"):
            raise ValueError(f"no module for {node.op_type}")
        return None

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        values = {self.input: pixels}
        for step, inputs, output in self.steps:
            if step == "Concat":
                values[output] = torch.cat([values[name] for name in inputs], 1)
            elif step == "Flatten":
                values[output] = torch.flatten(values[inputs[0]], 1)
            else:
                values[output] = self.layers[step](values[inputs[0]])
        return values[self.until]

    def layer(self, value: str) -> nn.Module:
        return self.layers[value.replace(".", "_")]


class Add(nn.Module):
    """A sum of two branches: by zennit's module, which its rules know; as `Add` in the ONNX file."""

    def __init__(self) -> None:
        super().__init__()
        self.sum = Sum()
        self.plain = False

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return one + other if self.plain else self.sum(torch.stack([one, other], -1))


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, relu: nn.Module) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.relu = relu
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.add = Add()

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        inner = self.relu(self.norm1(self.conv1(maps)))
        return self.relu(self.add(self.norm2(self.conv2(inner)), self.shortcut(maps)))


class Residual(nn.Module):
    """Residual additions, batch normalisation, and one rectifier in many places."""

    def __init__(self) -> None:
        super().__init__()
        relu = nn.ReLU()
        self.conv = nn.Conv2d(3, 16, 7, 2, 3, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.relu = relu
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.Sequential(Block(16, 16, 1, relu), Block(16, 32, 2, relu), Block(32, 32, 1, relu))
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(32, 10)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        maps = self.blocks(self.pool(self.relu(self.norm(self.conv(pixels)))))
        return self.linear(torch.flatten(self.mean(maps), 1))


def mixed(pool: type[nn.Module] = nn.MaxPool2d) -> nn.Sequential:
    """What the others lack: groups, dilation, averages over padding, values of both signs between layers."""
    return nn.Sequential(
        nn.Conv2d(3, 12, 5, 2, 2), nn.LeakyReLU(0.1), nn.AvgPool2d(3, 2, 1),
        nn.Conv2d(12, 12, 3, 1, 1, groups=12), nn.ReLU6(), nn.Conv2d(12, 24, 1, groups=3), nn.LeakyReLU(0.2),
        nn.Conv2d(24, 24, 3, 1, 2, dilation=2), nn.ReLU(), pool(2),
        nn.AvgPool2d(3, 1, 1, count_include_pad=False), nn.Flatten(), nn.Linear(2400, 32), nn.ReLU(),
        nn.Linear(32, 10))


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    net = make()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net.eval()


def export(net: nn.Module, path: pathlib.Path, rows: int, columns: int) -> None:
    adds = [module for module in net.modules() if isinstance(module, Add)]
    for add in adds:
        add.plain = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (torch.zeros(1, 3, rows, columns),), str(path), dynamo=False, do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE, input_names=["input"], output_names=["scores"])
    for add in adds:
        add.plain = False


class Preprocessing:
    def __init__(self, channels: str, scale: float, mean: list[float], std: list[float]) -> None:
        self.channels, self.scale, self.mean, self.std = channels, scale, mean, std

    def input(self, picture: Image.Image) -> torch.Tensor:
        levels = numpy.asarray(picture.convert("RGB"), dtype=numpy.float64)
        return self.normalized(levels if self.channels == "RGB" else levels[..., ::-1])

    def ends(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The least and the largest value of each channel."""
        return tuple(self.normalized(numpy.full((1, 1, 3), level)) for level in (0.0, 255.0))

    def normalized(self, levels: Array) -> torch.Tensor:
        values = (levels * self.scale - self.mean) / self.std
        return torch.tensor(values.transpose(2, 0, 1)[None].copy())

    def options(self) -> list[str]:
        each = {"--mean": self.mean, "--std": self.std}
        return ["--resize", "0", "--channels", self.channels, "--scale", str(self.scale)] + [
            part for name, values in each.items() for part in (name, ",".join(map(str, values)))]


class Subject:
    """A network on both sides, and what of it is explained."""

    def __init__(
        self, name: str, model: pathlib.Path, net: nn.Module, preprocessing: Preprocessing, side: int,
        cameras: dict[str, tuple[nn.Module, list[tuple[int, int, int]]]]
    ) -> None:
        self.name, self.model, self.net = name, model, net.double().eval()
        # The value that is explained; small networks are exported with this name.
        self.score = net.until if isinstance(net, Net) else "scores"
        self.preprocessing, self.side, self.cameras = preprocessing, side, cameras

    def target(self, output: torch.Tensor, index: int) -> tuple[int, ...]:
        """A class, or a unit's strongest activation, as an index into one picture's output."""
        if output.dim() == 2:
            return (index,)
        place = int(output[0, index].argmax())
        return (index, *divmod(place, output.shape[3]))


def chain(*windows: tuple[int, int, int]) -> tuple[float, int]:
    """Where the middle of the first position's window lies in the picture, and the step to the next.

    Windows are (side, stride, padding), from the picture on.
    """
    middle, step = 0.0, 1
    for side, stride, padding in windows:
        middle += ((side - 1) / 2 - padding) * step
        step *= stride
    return middle, step


def placed(grid: Array, middle: float, step: int, side: int) -> Array:
    """Each position's value at its middle, linear between, and beyond the outermost as at them."""
    def along(values: Array) -> Array:
        return numpy.interp(numpy.arange(side), middle + step * numpy.arange(len(values)), values)

    return numpy.apply_along_axis(along, 1, numpy.apply_along_axis(along, 0, grid))


def safetensors(path: pathlib.Path) -> dict[str, Array]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    return {
        name: numpy.frombuffer(body[slice(*each["data_offsets"])], "<f4").reshape(each["shape"]).astype(float)
        for name, each in header.items() if name != "__metadata__"}


@cache
def knows(switchback: str, method: str) -> bool:
    """Whether the binary's help lists a method."""
    text = subprocess.run([switchback, "explain", "--help"], capture_output=True, text=True).stdout
    return f"\n  {method}:" in text


def explained(
    switchback: str, subject: Subject, picture: pathlib.Path, out: pathlib.Path, methods: list[str],
    *options: str
) -> tuple[dict[str, Array], dict]:
    command = [
        switchback, "explain", str(subject.model), str(picture), "--out", str(out),
        "--method", ",".join(methods), "--points", "50", "--quiet", *subject.preprocessing.options(),
        *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    (arrays,) = (out / "explanations").glob("*.safetensors")
    return safetensors(arrays), json.loads(arrays.with_suffix(".json").read_text())


class Comparison:
    def __init__(self, network: str) -> None:
        self.network, self.failed = network, 0

    def line(
        self, method: str, peer: str, ours: Array | float, theirs: Array | float, allowed: float,
        scale: float | None = None, again: Callable[[], Array] | None = None
    ) -> None:
        """`again` gives the peer's answer with rounding."""
        ours, theirs = numpy.asarray(ours), numpy.asarray(theirs)
        if ours.shape != theirs.shape:
            raise ValueError(f"{method}: {ours.shape} against {theirs.shape}")
        scale = scale or max(float(numpy.abs(theirs).max()), 1e-30)
        difference = float(numpy.abs(ours - theirs).max()) / scale
        if difference > allowed and again:
            moved = max(float(numpy.abs(again() - theirs).max()) / scale for _ in range(3))
            allowed = max(allowed, min(2 * moved, 1e-2))
        isRight = difference <= allowed
        self.failed += not isRight
        verdict = "ok" if isRight else "WRONG"
        numbers = f"{difference:8.1e} {allowed:8.1e}"
        print(f"{self.network:36} {method:34} {peer:8} {numbers} {verdict}", flush=True)


@contextmanager
def rounding(net: nn.Module) -> Iterator[None]:
    """What each layer with weights makes is changed about as much as float32 rounds it."""
    def rounded(_: nn.Module, __: tuple, output: torch.Tensor) -> torch.Tensor:
        return output + 2e-7 * output.detach().abs().max() * torch.randn_like(output)

    handles = [
        module.register_forward_hook(rounded) for module in net.modules() if isinstance(module, Linear)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def ours_order(values: torch.Tensor) -> Array:
    return values.detach()[0].permute(1, 2, 0).numpy()


def zennit_composites(
    low: torch.Tensor, high: torch.Tensor, layers: Sequence[tuple] = (), isFolding: bool = True
) -> Iterator[tuple[str, composites.Composite]]:
    """Composites by the names of `switchback explain`.

    `low` and `high` are the least and the largest value of each channel of the input. `layers` are rules that
    come before a composite's own. `isFolding` says whether batch normalisations are merged into the layers
    before them.
    """
    settings = {"canonizers": [SequentialMergeBatchNorm()] if isFolding else [], "layer_map": list(layers)}
    base = [*layers, *composites.layer_map_base(1e-6), (Linear, Epsilon(1e-6))]
    yield "lrp-epsilon", composites.LayerMapComposite(base, canonizers=settings["canonizers"])
    yield "lrp-epsilon-plus", composites.EpsilonPlus(**settings)
    yield "lrp-epsilon-plus-flat", composites.EpsilonPlusFlat(**settings)
    yield "lrp-epsilon-gamma-box", composites.EpsilonGammaBox(low=low, high=high, **settings)
    yield "lrp-epsilon-alpha2-beta1", composites.EpsilonAlpha2Beta1(**settings)
    yield "lrp-epsilon-alpha2-beta1-flat", composites.EpsilonAlpha2Beta1Flat(**settings)
    # Zennit's own takes rectifiers' slopes, which loses relevance where they are not 0 or 1.
    settings["layer_map"].append((Activation, Pass()))
    yield "excitation", composites.ExcitationBackprop(**settings)


def compare_pixels(
    subject: Subject, pixels: torch.Tensor, target: tuple[int, ...], ours: dict[str, Array], found: dict,
    comparison: Comparison
) -> None:
    net, captum_target = subject.net, target if len(target) > 1 else target[0]
    line = {"baselines": torch.zeros_like(pixels), "n_steps": 50, "method": "gausslegendre"}
    peers: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "gradient": lambda x: attr.Saliency(net).attribute(x, target=captum_target, abs=False),
        "input-x-gradient": lambda x: attr.InputXGradient(net).attribute(x, target=captum_target),
        "integrated-gradients": lambda x: attr.IntegratedGradients(net).attribute(
            x, target=captum_target, internal_batch_size=10, **line),
    }
    theirs: dict[str, torch.Tensor] = {}
    for method, peer in peers.items():
        theirs[method] = peer(pixels)

        def again() -> Array:
            with rounding(net):
                return ours_order(peer(pixels))

        comparison.line(method, "captum", ours[method], ours_order(theirs[method]), 1e-4, again=again)
    # Which a single rectifier that switches does not move, unlike the largest difference.
    path = ours_order(theirs["integrated-gradients"])
    distance = numpy.median(numpy.abs(ours["integrated-gradients"] - path)) / numpy.abs(path).max()
    comparison.line("integrated-gradients, median", "captum", 1 + distance, 1, 1e-5)
    with torch.no_grad():
        start = float(net(torch.zeros_like(pixels))[(0, *target)])
    gap = found["score"] - start
    error = abs(theirs["integrated-gradients"].sum().item() - gap) / max(abs(gap), 1e-6)
    comparison.line(
        "completeness error", "captum", 1 + found["methods"]["integrated-gradients"]["completenessError"],
        1 + error, 1e-3)
    comparison.line(
        "vargrad = squared - mean squared", "identity", ours["vargrad"],
        ours["smoothgrad-squared"] - ours["smoothgrad"] ** 2, 1e-4)


def compare_relevance(
    subject: Subject, pixels: torch.Tensor, target: tuple[int, ...], ours: dict[str, Array],
    comparison: Comparison
) -> None:
    def start(output: torch.Tensor) -> torch.Tensor:
        signal = torch.zeros_like(output)
        signal[(0, *target)] = output[(0, *target)]
        return signal

    def carried(composite: composites.Composite, x: torch.Tensor) -> Array:
        with Gradient(subject.net, composite) as attributor:
            return ours_order(attributor(x.detach().clone().requires_grad_(), start)[1])

    for method, composite in zennit_composites(*subject.preprocessing.ends()):
        values = carried(composite, pixels)
        allowed = TOLERANCES.get(method, 1e-4)
        comparison.line(method, "zennit", ours[method], values, allowed)
        comparison.line(
            method + ", sum", "zennit", ours[method].sum(), values.sum(), allowed,
            scale=float(numpy.abs(values).sum()))
    if not isinstance(subject.net, Net):
        return  # Captum's LRP has no rule for residual sums, leaky rectifiers or flattening.
    for module in subject.net.modules():
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d)):
            module.rule = EpsilonRule(1e-6)
    values = attr.LRP(subject.net).attribute(pixels.clone(), target=target if len(target) > 1 else target[0])
    comparison.line(
        "lrp-epsilon", "captum", ours["lrp-epsilon"], ours_order(values), TOLERANCES["lrp-epsilon"])


def compare_deeplift(
    subject: Subject, pixels: torch.Tensor, target: tuple[int, ...], ours: Array, comparison: Comparison
) -> None:
    """The rescale rule, from the mean colour, which these preprocessings make zero."""
    net, zeros = subject.net, torch.zeros_like(pixels)
    graph = rules.Graph.read(onnx.load(subject.model).graph, subject.score)

    def by_rules(change: Callable[[rules.Node, torch.Tensor], torch.Tensor] | None = None) -> torch.Tensor:
        start = graph.values(zeros, change)
        return rules.deeplift(graph, graph.values(pixels, change), start, target)

    def rounded(node: rules.Node, made: torch.Tensor) -> torch.Tensor:
        return made if node.weight is None else made + 2e-7 * made.abs().max() * torch.randn_like(made)

    theirs = by_rules()
    comparison.line(
        "deeplift", "rules", ours, ours_order(theirs), 1e-4, again=lambda: ours_order(by_rules(rounded)))
    with torch.no_grad():
        gap = float((net(pixels) - net(zeros))[(0, *target)])
    comparison.line("deeplift, sum", "torch", ours.sum(), gap, 1e-3)
    if any(node.kind == "MaxPool" for node in graph.nodes):
        return
    # Captum applies the rule to the rectifiers in this table; clipping is not in it.
    deep_lift.SUPPORTED_NON_LINEAR[nn.ReLU6] = deep_lift.nonlinear
    captum_target = target if len(target) > 1 else target[0]
    theirs = attr.DeepLift(net).attribute(pixels, baselines=zeros, target=captum_target)
    comparison.line("deeplift", "captum", ours, ours_order(theirs), 1e-4)


def compare_maps(
    subject: Subject, layer: str, pixels: torch.Tensor, target: tuple[int, ...], ours: dict[str, Array],
    comparison: Comparison
) -> None:
    module, windows = subject.cameras[layer]
    kept: list[torch.Tensor] = []
    handle = module.register_forward_hook(lambda _, __, output: kept.append(output))
    output = subject.net(pixels)
    handle.remove()
    (maps,) = kept
    (slopes,) = torch.autograd.grad(output[(0, *target)], maps)
    values, slopes = maps.detach()[0].numpy(), slopes[0].numpy()
    by_hand = {
        "gradcam": (values * slopes.mean((1, 2), keepdims=True)).sum(0),
        "hirescam": (values * slopes).sum(0),
        "layercam": (values * slopes.clip(min=0)).sum(0),
    }
    middle, step = chain(*windows)
    centres = (middle + step * numpy.arange(values.shape[1])).astype(int)
    isInside = (centres >= 0) & (centres < subject.side)
    seen = numpy.ix_(isInside, isInside)

    def at_centres(placed: Array) -> Array:
        return placed[numpy.ix_(centres[isInside], centres[isInside])]

    for method, camera in CAMERAS.items():
        name = f"{method} of {layer}"
        whole = placed(by_hand[method], middle, step, subject.side)
        comparison.line(name, "by hand", ours[method], whole, 1e-5)
        with camera(subject.net, [module]) as peer:
            peer(pixels, [lambda output: output[target]])
            kept_by = peer.activations_and_grads
            used = kept_by.activations[0].numpy(), kept_by.gradients[0].numpy()
            theirs = peer.get_cam_image(pixels, module, None, *used, False)[0]
        comparison.line(name, "grad-cam", at_centres(ours[method]), theirs[seen], 1e-4)
    captum_target = target if len(target) > 1 else target[0]
    theirs = attr.LayerGradCam(subject.net, module).attribute(pixels, target=captum_target)
    grid = theirs[0, 0].detach().numpy()[seen]
    comparison.line(f"gradcam of {layer}", "captum", at_centres(ours["gradcam"]), grid, 1e-5)


def compare(
    switchback: str, subject: Subject, picture: pathlib.Path, wanted: str, out: pathlib.Path, title: str
) -> int:
    """All methods of a class or a unit of one picture; how many comparisons were wrong."""
    comparison = Comparison(title)
    image = Image.open(picture).convert("RGB")
    short, side = min(image.size), subject.side
    left, top = (image.width - short) // 2, (image.height - short) // 2
    image = image.resize((side, side), Image.Resampling.BICUBIC, (left, top, left + short, top + short))
    out.mkdir(parents=True)
    file = out / "picture.png"
    image.save(file)
    pixels = subject.preprocessing.input(image)
    with torch.no_grad():
        output = subject.net(pixels)
    match wanted:
        case "auto" | "last":
            order = output[0].argsort(descending=True)
            index = int(order[0 if wanted == "auto" else -1])
            goal = ["--class", wanted if wanted == "auto" else str(index)]
        case _:
            index = int(wanted.rpartition(":")[2])
            goal = ["--unit", wanted]
    target = subject.target(output, index)
    ours, found = explained(
        switchback, subject, file, out / "run", PIXELS + RELEVANCE, *goal)
    comparison.line("score", "torch", found["score"], output[(0, *target)].item(), TOLERANCES["score"])
    pixels.requires_grad_()
    compare_pixels(subject, pixels, target, ours, found, comparison)
    compare_relevance(subject, pixels, target, ours, comparison)
    if knows(switchback, "deeplift"):
        deeplift, _ = explained(
            switchback, subject, file, out / "deeplift", ["deeplift"], "--baseline", "mean", *goal)
        compare_deeplift(subject, pixels, target, deeplift["deeplift"], comparison)
    for layer in subject.cameras:
        place = [] if layer == "the last maps" else ["--layer", layer]
        ours, _ = explained(
            switchback, subject, file, out / layer.strip("/").replace("/", "-"), list(CAMERAS), *goal, *place)
        compare_maps(subject, layer, pixels, target, ours, comparison)
    return comparison.failed


def subjects(models: pathlib.Path, out: pathlib.Path) -> Iterator[tuple[Subject, list[str]]]:
    path = models / "squeezenet1.1.onnx"
    net = Net(onnx.load(path).graph, "logits")
    start = [(3, 2, 0), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 2, 0), (3, 1, 1)]
    end = [(3, 1, 1), (3, 2, 0), *[(3, 1, 1)] * 4]
    caffe = Preprocessing("BGR", 1.0, [104.0, 117.0, 123.0], [1.0, 1.0, 1.0])
    early = "fire4/expand3x3"
    cameras = {"the last maps": (net.layer("conv10"), start + end), early: (net.layer(early), start)}
    yield Subject("squeezenet1.1", path, net, caffe, 227, cameras), ["auto"]

    path = models / "alexnet-conv.onnx"
    imagenet = Preprocessing("RGB", 1 / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    net = Net(onnx.load(path).graph, "relu5")
    windows = [(11, 4, 2), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1)]
    cameras = {"the last maps": (net.layer("conv5_pre"), windows), "relu3": (net.layer("relu3"), windows[:5])}
    yield Subject("alexnet-conv", path, net, imagenet, 224, cameras), ["relu5:17", "relu5:200"]

    path, side = out / "residual.onnx", 64
    net = seeded(Residual)
    export(net, path, side, side)
    windows = [(7, 2, 3), (3, 2, 1), *[(3, 1, 1)] * 2, (3, 2, 1), *[(3, 1, 1)] * 3]
    cameras = {"the last maps": (net.blocks[2], windows), "blocks.0": (net.blocks[0], windows[:4])}
    yield Subject("residual", path, net, imagenet, side, cameras), ["auto", "last"]

    side, windows = 80, [(5, 2, 2), (3, 2, 1), (3, 1, 1), (1, 1, 0), (5, 1, 2), (2, 2, 0), (3, 1, 1)]
    for name, pool in {"mixed": nn.MaxPool2d, "averages": nn.AvgPool2d}.items():
        path = out / f"{name}.onnx"
        net = seeded(partial(mixed, pool))
        export(net, path, side, side)
        cameras = {"the last maps": (net[10], windows)}
        yield Subject(name, path, net, imagenet, side, cameras), ["auto", "last"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("switchback")
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("pictures", type=pathlib.Path, nargs="+")
    parser.add_argument("--out", type=pathlib.Path, help="a new folder for runs (default: temporary)")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.filterwarnings("ignore", message=".*backward hook.*|.*required_grads.*|.*non-full.*")
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        out = arguments.out or pathlib.Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        for subject, goals in subjects(arguments.models, out):
            for number, picture in enumerate(arguments.pictures):
                for goal in goals:
                    title = f"{subject.name} {picture.stem} {goal}"
                    run = out / f"{subject.name}-{number}-{goal.replace(':', '-')}"
                    failed += compare(arguments.switchback, subject, picture, goal, run, title)
    print(f"{failed} wrong" if failed else "all ok")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
