"""Makes what AttributionTests compares attributions with: five small networks and what others say of them.

    PYTHONPATH=FOLDER_WITH_PEERS python make.py [NAME...]

Writes NAME.onnx and NAME.safetensors for each network, and goldens.json for all, beside this file. Without
names all are made, which takes half a minute. Written with Python 3.11, torch 2.15, captum 0.9.0, zennit
0.5.1, grad-cam 1.5.7, shap 0.51.0 and onnx 1.23; each array's `sources` in goldens.json say which of them
made it.

Weights, pictures and baselines are drawn from a seed and stored as float32. All arrays are computed from
these in float64 and rounded once, when they are written. Each is computed twice, by a package and by
Benchmarks/peers/rules.py or a few lines here, and the script stops where the two differ by more than 1e-9 of
the largest value (integrated gradients 1e-7: Captum rounds weights to float32).

The seed of a network is the first with which float32 can agree: no rectifier and no max pool is about to
switch, and what rounding to float32 changes is less than a quarter of the tolerance (`rounding` in
goldens.json).
"""

import argparse
import copy
import json
import pathlib
import struct
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy
import onnx
import torch
from captum import attr
from captum.attr._core import deep_lift
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Benchmarks" / "peers"))

import shap  # noqa: E402
from attributions import CAMERAS, Add, export, zennit_composites  # noqa: E402
from shap.explainers._deep import deep_pytorch  # noqa: E402
from zennit.attribution import Gradient  # noqa: E402
from zennit.composites import ExcitationBackprop  # noqa: E402
from zennit.rules import Epsilon  # noqa: E402
from zennit.types import BatchNorm  # noqa: E402

import rules  # noqa: E402

Array = NDArray[numpy.float64]

AGREEMENT = 1e-9
# Captum rounds its weights of integrated gradients to float32.
ROUNDED = {"integrated-gradients": 1e-7}
MARGIN = 1e-5
POINTS = 50
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
# Parts of the largest value.
TOLERANCE = {"lrp-epsilon": 1e-3, "gradcam": 1e-5, "hirescam": 1e-5, "layercam": 1e-5}
RELEVANCE = [
    "lrp-epsilon", "lrp-epsilon-plus", "lrp-epsilon-plus-flat", "lrp-epsilon-gamma-box",
    "lrp-epsilon-alpha2-beta1", "excitation",
]


# MARK: Networks


class Plain(nn.Module):
    """Convolutions, max pools side by side, fully connected layers."""

    def __init__(self, relu: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv1, self.relu1, self.pool1 = nn.Conv2d(3, 8, 5, 1, 2), relu(), nn.MaxPool2d(2)
        self.conv2, self.relu2, self.pool2 = nn.Conv2d(8, 12, 3, 1, 1), relu(), nn.MaxPool2d(2)
        self.fc1, self.relu3, self.fc2 = nn.Linear(12 * 6 * 6, 20), relu(), nn.Linear(20, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.pool1(self.relu1(self.conv1(pixels)))
        maps = self.pool2(self.relu2(self.conv2(maps)))
        return self.fc2(self.relu3(self.fc1(torch.flatten(maps, 1))))


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, relu: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.relu1 = relu()
        self.conv2, self.norm2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.add, self.relu2 = Add(), relu()

    def forward(self, maps: Tensor) -> Tensor:
        inner = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(maps)))))
        return self.relu2(self.add(inner, self.downsample(maps)))


class Residual(nn.Module):
    """Residual sums, batch normalisation after convolutions, max pools that overlap and are padded."""

    def __init__(self, relu: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), relu()
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.Sequential(Block(8, 8, 1, relu), Block(8, 16, 2, relu))
        self.mean, self.linear = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.blocks(self.pool(self.relu(self.norm(self.conv(pixels)))))
        return self.linear(torch.flatten(self.mean(maps), 1))


class Fire(nn.Module):
    def __init__(self, inputs: int, squeezed: int, each: int, relu: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.squeeze, self.relu1 = nn.Conv2d(inputs, squeezed, 1), relu()
        self.expand1x1, self.relu2 = nn.Conv2d(squeezed, each, 1), relu()
        self.expand3x3, self.relu3 = nn.Conv2d(squeezed, each, 3, 1, 1), relu()

    def forward(self, maps: Tensor) -> Tensor:
        maps = self.relu1(self.squeeze(maps))
        return torch.cat([self.relu2(self.expand1x1(maps)), self.relu3(self.expand3x3(maps))], 1)


class Fires(nn.Module):
    """Fire modules, max pools that hang over the map's edge, no fully connected layer."""

    def __init__(self, relu: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv1, self.relu1 = nn.Conv2d(3, 8, 3, 1, 1), relu()
        self.pool1, self.fire1 = nn.MaxPool2d(3, 2, ceil_mode=True), Fire(8, 6, 8, relu)
        self.pool2, self.fire2 = nn.MaxPool2d(3, 2, ceil_mode=True), Fire(16, 6, 8, relu)
        self.conv2, self.relu2, self.mean = nn.Conv2d(16, 10, 1), relu(), nn.AdaptiveAvgPool2d(1)

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.fire1(self.pool1(self.relu1(self.conv1(pixels))))
        maps = self.fire2(self.pool2(maps))
        return torch.flatten(self.mean(self.relu2(self.conv2(maps))), 1)


class Depthwise(nn.Module):
    """Groups, dilation, averages with and without padding, rectifiers that leak or clip; no max pool."""

    def __init__(self, relu: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv1, self.leaky1 = nn.Conv2d(3, 8, 3, 1, 1), nn.LeakyReLU(0.125)
        self.pool1 = nn.AvgPool2d(3, 2, 1)
        self.depthwise, self.clip = nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.ReLU6()
        self.pointwise, self.leaky2 = nn.Conv2d(8, 16, 1, groups=2), nn.LeakyReLU(0.25)
        self.pool2 = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.conv2, self.relu = nn.Conv2d(16, 12, 3, 1, 2, dilation=2), relu()
        self.linear = nn.Linear(12 * 6 * 6, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.pool1(self.leaky1(self.conv1(pixels)))
        maps = self.leaky2(self.pointwise(self.clip(self.depthwise(maps))))
        return self.linear(torch.flatten(self.relu(self.conv2(self.pool2(maps))), 1))


class Dense(nn.Module):
    """Batch normalisation before convolutions, which cannot be folded, and joined maps.

    The first convolution's output has two readers: its batch normalisation cannot be folded either.
    """

    def __init__(self, relu: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 1, 1)
        self.norm1, self.relu1, self.conv2 = nn.BatchNorm2d(8), relu(), nn.Conv2d(8, 6, 3, 1, 1)
        self.norm2, self.relu2, self.conv3 = nn.BatchNorm2d(14), relu(), nn.Conv2d(14, 12, 3, 2, 1)
        self.relu3 = relu()
        self.norm3, self.conv4, self.relu4 = nn.BatchNorm2d(12), nn.Conv2d(12, 12, 3, 2, 1), relu()
        self.mean, self.linear = nn.AdaptiveAvgPool2d(1), nn.Linear(12, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        stem = self.conv1(pixels)
        maps = torch.cat([stem, self.conv2(self.relu1(self.norm1(stem)))], 1)
        maps = self.relu3(self.conv3(self.relu2(self.norm2(maps))))
        maps = self.relu4(self.conv4(self.norm3(maps)))
        return self.linear(torch.flatten(self.mean(maps), 1))


@dataclass
class Kind:
    make: Callable[[Callable[[], nn.Module]], nn.Module]
    rows: int
    columns: int
    # The last convolution's rectifier.
    last: Callable[[nn.Module], nn.Module]
    # Whether the ONNX file is exported from a network with one in-place rectifier in all places.
    isReused: bool = False


KINDS = {
    "plain": Kind(Plain, 24, 24, lambda net: net.relu2),
    "residual": Kind(Residual, 24, 24, lambda net: net.blocks[1].relu2, isReused=True),
    "fires": Kind(Fires, 24, 28, lambda net: net.relu2),
    "depthwise": Kind(Depthwise, 24, 24, lambda net: net.relu),
    "dense": Kind(Dense, 24, 24, lambda net: net.relu4),
}


def seeded(kind: Kind, seed: int) -> nn.Module:
    """With a rectifier of its own in each place, which Captum and shap need."""
    torch.manual_seed(seed)
    net = kind.make(nn.ReLU)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.bias, 0, 0.1)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
    if isinstance(net, Depthwise):
        net.depthwise.weight.data *= 5  # So that some values are clipped.
    return net.eval()


def exported(kind: Kind, net: nn.Module, path: pathlib.Path) -> onnx.GraphProto:
    if kind.isReused:
        relu = nn.ReLU(inplace=True)
        reused = kind.make(lambda: relu).eval()
        reused.load_state_dict(net.state_dict())
        net = reused
    export(net, path, kind.rows, kind.columns)
    model = onnx.load(path)
    found = {node.op_type for node in model.graph.node}
    has_norms = any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    assert ("BatchNormalization" in found) == has_norms, "the exporter folded batch normalisations"
    return model.graph


def folded(net: nn.Module) -> nn.Module:
    """Batch normalisations folded by PyTorch where a convolution makes what they alone read.

    Zennit's own folding leaves the normalisation's epsilon, 5e-6 of the values a layer.
    """
    net = copy.deepcopy(net)

    def fold(owner: nn.Module, conv: str, norm: str) -> None:
        merged = nn.utils.fusion.fuse_conv_bn_eval(owner.get_submodule(conv), owner.get_submodule(norm))
        setattr(owner, conv, merged)
        setattr(owner, norm, nn.Identity())

    if isinstance(net, Residual):
        fold(net, "conv", "norm")
        for block in net.blocks:
            fold(block, "conv1", "norm1")
            fold(block, "conv2", "norm2")
            if len(block.downsample):
                fold(block.downsample, "0", "1")
    return net


class SideBySide(nn.Module):
    """A max pool of values that are not negative, its windows copied side by side so that none overlap.

    Where one position wins several windows, shap keeps the contribution of one of them alone.
    """

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.size, self.stride, self.padding = pool.kernel_size, pool.stride, pool.padding
        self.ceil, self.pool = pool.ceil_mode, nn.MaxPool1d(pool.kernel_size**2)

    def forward(self, maps: Tensor) -> Tensor:
        assert float(maps.detach().min()) >= 0
        pooled = functional.max_pool2d(maps, self.size, self.stride, self.padding, ceil_mode=self.ceil)
        sides = pooled.shape[2:]
        beyond = [(side - 1) * self.stride + self.size - self.padding - extent
                  for side, extent in zip(sides, maps.shape[2:], strict=True)]
        padded = functional.pad(maps, (self.padding, max(beyond[1], 0), self.padding, max(beyond[0], 0)))
        windows = padded.unfold(2, self.size, self.stride).unfold(3, self.size, self.stride)
        windows = windows[:, :, :sides[0], :sides[1]].flatten(4)
        return self.pool(windows.flatten(1, 3).flatten(2)).view(*maps.shape[:2], *sides)


def without_overlaps(net: nn.Module) -> nn.Module:
    net = copy.deepcopy(net)
    for owner in list(net.modules()):
        for name, child in list(owner.named_children()):
            if isinstance(child, nn.MaxPool2d):
                setattr(owner, name, SideBySide(child))
    return net


# MARK: Pictures


def pictures(rows: int, columns: int, seed: int) -> tuple[Array, Array]:
    """A picture and a baseline, channels x rows x columns: whole numbers of 0...255, which a PNG can hold."""
    generator = numpy.random.default_rng(seed)

    def drawn(cells: int, least: float, most: float, noise: float) -> Array:
        coarse = torch.tensor(generator.uniform(least, most, (1, 3, cells, cells)))
        smooth = functional.interpolate(coarse, (rows, columns), mode="bicubic")[0].numpy()
        return numpy.clip(numpy.round(smooth + generator.normal(0, noise, smooth.shape)), 0, 255)

    return drawn(6, 0, 255, 25), drawn(3, 60, 190, 8)


def normalized(levels: Array) -> Tensor:
    """Rounded to float32, as float64."""
    mean, deviation = (numpy.array(values)[:, None, None] for values in (MEAN, DEVIATION))
    return torch.tensor(((levels / 255 - mean) / deviation).astype(numpy.float32).astype(numpy.float64))[None]


# MARK: By hand


def line(pixels: Tensor, baseline: Tensor) -> tuple[Tensor, Array]:
    """Inputs on the way from the baseline, and their weights (Gauss and Legendre)."""
    places, weights = numpy.polynomial.legendre.leggauss(POINTS)
    shares = torch.tensor((places + 1) / 2)[:, None, None, None]
    return baseline + shares * (pixels - baseline), weights / 2


def by_hand(
    graph: rules.Graph, pixels: Tensor, baseline: Tensor, low: Tensor, high: Tensor, target: int, layer: str,
    noise: torch.Generator | None = None
) -> dict[str, Tensor]:
    """Every array. `noise` changes what each node with weights makes about as much as float32 rounds it."""
    def rounded(node: rules.Node, made: Tensor) -> Tensor:
        if node.weight is None:
            return made
        drawn = torch.randn(made.shape, generator=noise, dtype=made.dtype)
        return made + 2e-7 * made.abs().max() * drawn

    change = rounded if noise else None
    pixels, baseline = pixels.to(graph.dtype), baseline.to(graph.dtype)
    values = graph.values(pixels, change)
    slopes = rules.gradient(graph, values, (target,))
    found = {"gradient": slopes, "input-x-gradient": slopes * pixels}
    total = torch.zeros_like(pixels)
    for point, weight in zip(*line(pixels, baseline), strict=True):
        total += weight * rules.gradient(graph, graph.values(point[None], change), (target,))
    found["integrated-gradients"] = total * (pixels - baseline)
    start = graph.values(baseline, change)
    found["deeplift"] = rules.deeplift(graph, values, start, (target,))
    folded = graph.folded()
    kept = folded.values(pixels, change)
    for method, composite in rules.composites(low, high).items():
        if method in RELEVANCE:
            found[method] = rules.relevance(folded, kept, (target,), composite)
    maps, slopes = values[layer], rules.gradient(graph, values, (target,), layer)
    found["gradcam"] = (maps * slopes.mean((2, 3), keepdim=True)).sum(1, keepdim=True)
    found["hirescam"] = (maps * slopes).sum(1, keepdim=True)
    found["layercam"] = (maps * slopes.clamp(min=0)).sum(1, keepdim=True)
    gap = float((values[graph.score] - start[graph.score])[0, target])
    if graph.dtype == torch.float64 and not noise:
        error = abs(float(found["deeplift"].sum()) - gap)
        assert error < AGREEMENT * max(abs(gap), 1), f"DeepLIFT sums to {gap} with an error of {error}"
    return found


# MARK: By packages


def by_captum(net: nn.Module, pixels: Tensor, baseline: Tensor, target: int) -> dict[str, Tensor]:
    x = pixels.clone().requires_grad_()
    found = {
        "gradient": attr.Saliency(net).attribute(x, target=target, abs=False),
        "input-x-gradient": attr.InputXGradient(net).attribute(x, target=target),
        "integrated-gradients": attr.IntegratedGradients(net).attribute(
            x, baselines=baseline, target=target, n_steps=POINTS, method="gausslegendre"),
    }
    if not any(isinstance(module, nn.MaxPool2d) for module in net.modules()):
        # Captum applies the rule to the rectifiers in this table; clipping is not in it.
        deep_lift.SUPPORTED_NON_LINEAR[nn.ReLU6] = deep_lift.nonlinear
        found["deeplift"] = attr.DeepLift(net).attribute(x, baselines=baseline, target=target)
    return found


def by_shap(net: nn.Module, pixels: Tensor, baseline: Tensor, target: int) -> Tensor:
    deep_pytorch.op_handler["ReLU6"] = deep_pytorch.nonlinear_1d
    explainer = shap.DeepExplainer(without_overlaps(net), baseline.clone())
    return torch.tensor(explainer.shap_values(pixels.clone())[..., target])


def by_zennit(net: nn.Module, pixels: Tensor, low: Tensor, high: Tensor, target: int) -> dict[str, Tensor]:
    """With batch normalisations that could not be folded under the epsilon rule.

    `excitation` is left out where zennit's composite as it comes, in which rectifiers pass relevance times
    their slope, does not agree with passing it on.
    """
    net = folded(net)
    norms = [(BatchNorm, Epsilon(1e-6))]

    def start(output: Tensor) -> Tensor:
        return rules.one_hot(output, (target,), output[0, target])

    def carried(composite: object) -> Tensor:
        with Gradient(net, composite) as attributor:
            return attributor(pixels.clone().requires_grad_(), start)[1].detach()

    found = {
        method: carried(composite)
        for method, composite in zennit_composites(low, high, norms, isFolding=False) if method in RELEVANCE}
    asItComes = carried(ExcitationBackprop(layer_map=norms))
    if difference(asItComes, found["excitation"]) > AGREEMENT:
        del found["excitation"]
    return found


def by_grad_cam(net: nn.Module, module: nn.Module, pixels: Tensor, target: int) -> dict[str, Tensor]:
    """Before it is rectified, scaled and enlarged."""
    found = {}
    for method, camera in CAMERAS.items():
        with camera(net, [module]) as peer:
            peer(pixels.clone(), [lambda output: output[target]])
            kept = peer.activations_and_grads
            used = kept.activations[0].numpy(), kept.gradients[0].numpy()
            found[method] = torch.tensor(peer.get_cam_image(pixels, module, None, *used, False))[None]
    return found


# MARK: All


def difference(one: Tensor, other: Tensor) -> float:
    """The largest, as a share of the other's largest value."""
    assert one.shape == other.shape, f"{one.shape} against {other.shape}"
    return float((one.double() - other).abs().max() / other.abs().max())


def tolerance(method: str) -> float:
    return TOLERANCE.get(method, 1e-4)


def safetensors(arrays: dict[str, Array]) -> bytes:
    header: dict[str, dict] = {}
    body = b""
    for name, array in arrays.items():
        data = numpy.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {
            "dtype": "F32", "shape": list(array.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def made(name: str, kind: Kind, seed: int) -> dict | None:
    """One network's files and its part of goldens.json; nil where float32 could not agree with this seed."""
    net = seeded(kind, seed)
    path = HERE / f"{name}.onnx"
    proto = exported(kind, net, path)
    graph = rules.Graph.read(proto, "scores")
    net = net.double()
    pixels, baseline = (normalized(levels) for levels in pictures(kind.rows, kind.columns, seed))
    low, high = (normalized(numpy.full((3, 1, 1), level)) for level in (0.0, 255.0))
    values = graph.values(pixels)
    scores = values["scores"][0]
    target = int(scores.argmax())
    if rules.margin(graph, values) < MARGIN or scores[target] < 0.5:
        return None
    for node in graph.nodes:
        if node.kind == "Clip":
            inputs = values[node.inputs[0]]
            if (inputs > 6).double().mean() < 0.01 or (inputs < 0).double().mean() < 0.01:
                return None
    captured: list[Tensor] = []
    module = kind.last(net)
    handle = module.register_forward_hook(lambda _, __, output: captured.append(output.detach().clone()))
    output = net(pixels)
    handle.remove()
    assert difference(output.detach(), values["scores"]) < AGREEMENT
    (layer,) = [
        node.output for node in graph.nodes
        if node.kind == "Relu" and values[node.output].shape == captured[0].shape
        and difference(values[node.output], captured[0]) < AGREEMENT]
    arguments = (pixels, baseline, low, high, target, layer)
    ours = by_hand(graph, *arguments)
    rounded = [by_hand(graph.cast(torch.float32), *arguments)]
    rounded += [by_hand(graph, *arguments, torch.Generator().manual_seed(draw)) for draw in range(3)]
    changes = {
        method: max(difference(each[method], array) for each in rounded) for method, array in ours.items()}
    if any(change > tolerance(method) / 4 for method, change in changes.items()):
        print(name, seed, "rounding", max((change / tolerance(method), method)
                                          for method, change in changes.items()))
        return None

    theirs: dict[str, dict[str, Tensor]] = {method: {} for method in ours}
    for method, array in by_captum(net, pixels, baseline, target).items():
        theirs[method]["captum 0.9.0"] = array
    pools = [each for each in net.modules() if isinstance(each, nn.MaxPool2d)]
    isOverlapping = any(pool.kernel_size > pool.stride for pool in pools)
    source = "shap 0.51.0" + (", windows of max pools copied side by side" if isOverlapping else "")
    for add in (each for each in net.modules() if isinstance(each, Add)):
        add.plain = True
    theirs["deeplift"][source] = by_shap(net, pixels, baseline, target)
    for add in (each for each in net.modules() if isinstance(each, Add)):
        add.plain = False
    norms = name == "dense"
    source = "zennit 0.5.1" + (", the epsilon rule for batch normalisations" if norms else "") + (
        ", batch normalisations folded by torch" if name == "residual" else "")
    for method, array in by_zennit(net, pixels, low, high, target).items():
        theirs[method][source] = array
    for method, array in by_grad_cam(net, module, pixels, target).items():
        theirs[method]["grad-cam 1.5.7"] = array
    if not theirs["excitation"]:
        del ours["excitation"], theirs["excitation"]

    methods = {}
    for method, array in ours.items():
        agreements = {source: difference(each.detach(), array) for source, each in theirs[method].items()}
        assert agreements, f"{name} {method}: one source"
        for source, agreement in agreements.items():
            allowed = ROUNDED.get(method, AGREEMENT)
            assert agreement < allowed, f"{name} {method}: {source} differs by {agreement}"
        methods[method] = {
            "sources": [*agreements, "Benchmarks/peers/rules.py"],
            "agreement": float(f"{max(agreements.values()):.1e}"),
            "rounding": float(f"{changes[method]:.1e}"),
            "tolerance": tolerance(method),
        }

    def ours_order(array: Tensor) -> Array:
        return array.detach()[0].permute(1, 2, 0).numpy()

    arrays = {
        "input": ours_order(pixels), "baseline": ours_order(baseline), "low": low.flatten().numpy(),
        "high": high.flatten().numpy()}
    for method, array in ours.items():
        arrays[method] = ours_order(array)[..., 0] if method in CAMERAS else ours_order(array)
    (HERE / f"{name}.safetensors").write_bytes(safetensors(arrays))
    start = graph.values(baseline)["scores"][0, target]
    return {
        "name": name, "model": f"{name}.onnx", "arrays": f"{name}.safetensors", "value": "scores",
        "class": target, "score": float(scores[target]), "baselineScore": float(start), "layer": layer,
        "seed": seed, "points": POINTS, "methods": methods,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[[], *KINDS])
    names = parser.parse_args().names or list(KINDS)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    file = HERE / "goldens.json"
    known = {each["name"]: each for each in json.loads(file.read_text())["networks"]} if file.exists() else {}
    for name in names:
        for seed in range(200):
            if found := made(name, KINDS[name], seed):
                known[name] = found
                break
        else:
            raise SystemExit(f"{name}: no seed of 200")
        print(name, "seed", seed, "class", found["class"], "score", found["score"], "maps", found["layer"])
        for method, each in found["methods"].items():
            rounding = f"rounding {each['rounding']:.0e} of {each['tolerance']:.0e}"
            sources = "; ".join(each["sources"])
            print(f"  {method:26} agreement {each['agreement']:.0e}, {rounding}; {sources}", flush=True)
    ordered = [known[name] for name in KINDS if name in known]
    file.write_text(json.dumps({"networks": ordered}, indent=2) + "\n")


if __name__ == "__main__":
    main()
