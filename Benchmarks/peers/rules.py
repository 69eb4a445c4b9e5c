"""DeepLIFT's rescale rule, and rules of layer-wise relevance propagation, written out on an ONNX graph.

A module, imported by attributions.py and by Tests/AttributionTests/Goldens/make.py. It uses neither Captum
nor zennit, so that they and it are independent sources. Needs torch, numpy and onnx; computes in float64
unless told otherwise. Written for small networks and for reading, not for speed.

Both methods walk the graph backwards, node by node. What a node passes to its inputs is found with the node's
transposed derivative (`Node.transposed`), which PyTorch computes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional

# Relevance is divided by outputs that are moved away from zero by this much.
STABILIZER = 1e-6
# Where picture and baseline are closer than this, the rescale rule takes the derivative, as Captum does.
CLOSE = 1e-10


@dataclass
class Node:
    """An operation of the graph on computed values; weights are its own."""

    kind: str
    inputs: list[str]
    output: str
    settings: dict
    weight: Tensor | None = None
    bias: Tensor | None = None

    def __call__(self, *inputs: Tensor) -> Tensor:
        settings = self.settings
        match self.kind:
            case "Conv":
                return functional.conv2d(
                    inputs[0], self.weight, self.bias, settings["strides"], settings["pads"],
                    settings.get("dilations", 1), settings.get("group", 1))
            case "Gemm":
                return functional.linear(inputs[0], self.weight, self.bias)
            case "BatchNormalization":
                return inputs[0] * self.weight[:, None, None] + self.bias[:, None, None]
            case "Relu":
                return inputs[0].relu()
            case "LeakyRelu":
                return functional.leaky_relu(inputs[0], settings["alpha"])
            case "Clip":
                return inputs[0].clamp(settings["low"], settings["high"])
            case "MaxPool":
                return self.maximum(inputs[0])[0]
            case "AveragePool":
                return functional.avg_pool2d(
                    inputs[0], settings["kernel_shape"], settings["strides"], settings["pads"],
                    bool(settings.get("ceil_mode")), bool(settings.get("count_include_pad")))
            case "GlobalAveragePool":
                return inputs[0].mean((2, 3), keepdim=True)
            case "Add":
                return inputs[0] + inputs[1]
            case "Concat":
                return torch.cat(inputs, 1)
            case "Flatten":
                return inputs[0].flatten(1)
            case "Identity":
                return inputs[0] + 0
        raise ValueError(f"no operation {self.kind}")

    def maximum(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """A max pool's outputs, and the place of each in its map of `values`."""
        settings = self.settings
        return functional.max_pool2d(
            values, settings["kernel_shape"], settings["strides"], settings["pads"],
            ceil_mode=bool(settings.get("ceil_mode")), return_indices=True)

    def transposed(self, inputs: list[Tensor], signal: Tensor) -> list[Tensor]:
        """The signal times the derivative at `inputs`, for each input."""
        leaves = [values.detach().clone().requires_grad_() for values in inputs]
        return list(torch.autograd.grad(self(*leaves), leaves, signal))

    def changed(self, weight: Callable[[Tensor], Tensor], hasBias: bool = True) -> "Node":
        """The same operation with weights changed and, if it keeps its bias, the bias too."""
        bias = weight(self.bias) if hasBias and self.bias is not None else None
        return replace(self, weight=weight(self.weight), bias=bias)


RECTIFIERS = ("Relu", "LeakyRelu", "Clip")


@dataclass
class Graph:
    """A feed-forward ONNX graph. `score` is the value whose elements are explained."""

    input: str
    score: str
    nodes: list[Node] = field(default_factory=list)
    dtype: torch.dtype = torch.float64

    @classmethod
    def read(cls, graph: onnx.GraphProto, score: str, dtype: torch.dtype = torch.float64) -> "Graph":
        """Reads the nodes up to `score`; batch normalisations become a scale and a shift for each channel."""
        arrays = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        made = cls(graph.input[0].name, score, dtype=dtype)

        def weight(name: str) -> Tensor:
            return torch.tensor(arrays[name], dtype=torch.float64)

        for proto in graph.node:
            settings = {each.name: onnx.helper.get_attribute_value(each) for each in proto.attribute}
            if proto.op_type == "Constant":
                arrays[proto.output[0]] = numpy_helper.to_array(settings["value"])
                continue
            if "pads" in settings:
                rows, columns, below, right = settings["pads"]
                if (rows, columns) != (below, right):
                    raise ValueError(f"{proto.name}: padding that differs between sides")
                settings["pads"] = [rows, columns]
            node = Node(proto.op_type, list(proto.input), proto.output[0], settings)
            match proto.op_type:
                case "Conv" | "Gemm":
                    settings.setdefault("pads", [0, 0])
                    weights = [weight(name) for name in proto.input[1:]]
                    node.weight, node.bias = weights[0], weights[1] if len(weights) > 1 else None
                    if proto.op_type == "Gemm" and not settings.get("transB"):
                        node.weight = node.weight.T
                case "BatchNormalization":
                    scale, shift, mean, variance = (weight(name) for name in proto.input[1:])
                    node.weight = scale / (variance + settings["epsilon"]).sqrt()
                    node.bias = shift - mean * node.weight
                case "Clip":
                    settings["low"], settings["high"] = (float(arrays[name]) for name in proto.input[1:])
                case "MaxPool" | "AveragePool":
                    settings.setdefault("pads", [0, 0])
            node.inputs = [name for name in proto.input if name not in arrays]
            made.nodes.append(node)
            if proto.output[0] == score:
                break
        return made.cast(dtype)

    def cast(self, dtype: torch.dtype) -> "Graph":
        def typed(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(dtype)

        nodes = [replace(node, weight=typed(node.weight), bias=typed(node.bias)) for node in self.nodes]
        return replace(self, nodes=nodes, dtype=dtype)

    def folded(self) -> "Graph":
        """Batch normalisations folded into convolutions that they alone read; others stay."""
        read = [name for node in self.nodes for name in node.inputs]
        nodes: list[Node] = []
        for node in self.nodes:
            maker = next((at for at, each in enumerate(nodes) if each.output == node.inputs[0]), None)
            if (node.kind != "BatchNormalization" or maker is None or nodes[maker].kind != "Conv"
                    or read.count(node.inputs[0]) > 1):
                nodes.append(node)
                continue
            before = nodes[maker]
            bias = before.bias if before.bias is not None else torch.zeros_like(node.bias)
            nodes[maker] = replace(
                before, weight=before.weight * node.weight[:, None, None, None],
                bias=bias * node.weight + node.bias)
            nodes.append(Node("Identity", node.inputs, node.output, {}))
        return replace(self, nodes=nodes)

    def values(
        self, pixels: Tensor, change: Callable[[Node, Tensor], Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Every value of a forward pass; `change` replaces what a node made."""
        values = {self.input: pixels.detach().to(self.dtype)}
        for node in self.nodes:
            made = node(*(values[name] for name in node.inputs))
            values[node.output] = change(node, made) if change else made
        return values

    def carried(
        self, values: dict[str, Tensor], start: Tensor, share: Callable[[Node, Tensor], list[Tensor]],
        end: str | None = None
    ) -> Tensor:
        """What reaches `end`, the input by default, of a signal that starts at `score`.

        `share` says what a node passes to each of its inputs of the signal at its output.
        """
        signals = {self.score: start}
        for node in reversed(self.nodes):
            if node.output not in signals or node.output == end:
                continue
            passed = share(node, signals.pop(node.output))
            for name, signal in zip(node.inputs, passed, strict=True):
                signals[name] = signals[name] + signal if name in signals else signal
        return signals[end or self.input]

    def first(self) -> set[str]:
        """Outputs of the nodes with weights that read the input, or what is made of it without weights."""
        raw, found = {self.input}, set()
        for node in self.nodes:
            if raw.intersection(node.inputs):
                if node.kind in ("Conv", "Gemm"):
                    found.add(node.output)
                else:
                    raw.add(node.output)
        return found


def one_hot(score: Tensor, target: tuple[int, ...], value: Tensor | float = 1.0) -> Tensor:
    start = torch.zeros_like(score)
    start[(0, *target)] = value
    return start


def gradient(
    graph: Graph, values: dict[str, Tensor], target: tuple[int, ...], end: str | None = None
) -> Tensor:
    """The derivative of one element of the score by the input, or by another value."""
    def share(node: Node, signal: Tensor) -> list[Tensor]:
        return node.transposed([values[name] for name in node.inputs], signal)

    return graph.carried(values, one_hot(values[graph.score], target), share, end)


def deeplift(
    graph: Graph, values: dict[str, Tensor], baseline: dict[str, Tensor], target: tuple[int, ...]
) -> Tensor:
    """Contributions by the rescale rule (Shrikumar et al. 2017); they sum to the difference in score.

    A rectifier's multiplier is the quotient of the differences of its output and its input. A max pool's
    output differs from the baseline's in two steps through the larger of both (SHAP's cross maximum): what it
    gains up to there belongs to the picture's winner, what it loses from there to the baseline's winner.

    Args:
        graph: The network.
        values: Of a forward pass of the picture.
        baseline: Of a forward pass of the baseline.
        target: Where the explained element is, in one picture's score.

    Returns:
        A contribution for each element of the input.
    """
    def pooled(node: Node, signal: Tensor, here: Tensor, there: Tensor) -> Tensor:
        (high, places), (low, others) = node.maximum(here), node.maximum(there)
        most = torch.maximum(high, low)
        flat = torch.zeros_like(here).flatten(2)
        # Windows overlap: a place may win several.
        flat.scatter_add_(2, places.flatten(2), (signal * (most - low)).flatten(2))
        flat.scatter_add_(2, others.flatten(2), (signal * (high - most)).flatten(2))
        gap = here - there
        contributions = flat.view_as(here)
        return torch.where(contributions == 0, 0.0, contributions / torch.where(gap == 0, 1.0, gap))

    def share(node: Node, signal: Tensor) -> list[Tensor]:
        here = [values[name] for name in node.inputs]
        if node.kind == "MaxPool":
            return [pooled(node, signal, here[0], baseline[node.inputs[0]])]
        slopes = node.transposed(here, signal)
        if node.kind not in RECTIFIERS:
            return slopes
        below = here[0] - baseline[node.inputs[0]]
        above = values[node.output] - baseline[node.output]
        isClose = below.abs() < CLOSE
        return [torch.where(isClose, slopes[0], signal * above / torch.where(isClose, 1.0, below))]

    multipliers = graph.carried(values, one_hot(values[graph.score], target), share)
    return multipliers * (values[graph.input] - baseline[graph.input])


def stabilized(values: Tensor) -> Tensor:
    return values + torch.where(values < 0, -STABILIZER, STABILIZER).to(values.dtype)


# A part of a node's input, and the node with weights that belong to it.
Term = tuple[Tensor, Node]
Rule = Callable[[Node, Tensor, Tensor], Tensor]


def among(terms: list[Term], relevance: Tensor) -> Tensor:
    """Relevance shared among terms: each gets what it adds to the output, over what all add."""
    quotient = relevance / stabilized(sum(node(values) for values, node in terms))
    return sum(values * node.transposed([values], quotient)[0] for values, node in terms)


def epsilon(node: Node, values: Tensor, relevance: Tensor) -> Tensor:
    return among([(values, node)], relevance)


def signs(alpha: float, beta: float) -> Rule:
    """Bach et al. 2015, LRP-alpha-beta; z+ is alpha 1 and beta 0."""
    def rule(node: Node, values: Tensor, relevance: Tensor) -> Tensor:
        positive, negative = values.clamp(min=0), values.clamp(max=0)

        def side(one: Callable[[Tensor], Tensor], other: Callable[[Tensor], Tensor]) -> list[Term]:
            return [(positive, node.changed(one)), (negative, node.changed(other, hasBias=False))]

        result = alpha * among(side(lambda w: w.clamp(min=0), lambda w: w.clamp(max=0)), relevance)
        if beta:
            result = result - beta * among(
                side(lambda w: w.clamp(max=0), lambda w: w.clamp(min=0)), relevance)
        return result

    return rule


def gamma(factor: float) -> Rule:
    """Montavon et al. 2019, with the signs of Andéol et al. 2021."""
    def rule(node: Node, values: Tensor, relevance: Tensor) -> Tensor:
        positive, negative, output = values.clamp(min=0), values.clamp(max=0), node(values)

        def up(weight: Tensor) -> Tensor:
            return weight + factor * weight.clamp(min=0)

        def down(weight: Tensor) -> Tensor:
            return weight + factor * weight.clamp(max=0)

        above = [(positive, node.changed(up)), (negative, node.changed(down, hasBias=False))]
        below = [(positive, node.changed(down)), (negative, node.changed(up, hasBias=False))]
        return among(above, relevance * (output > 0)) + among(below, relevance * (output < 0))

    return rule


def flat(node: Node, values: Tensor, relevance: Tensor) -> Tensor:
    """Lapuschkin et al. 2019: the same share for every position and channel within the map."""
    return among([(torch.ones_like(values), node.changed(torch.ones_like, hasBias=False))], relevance)


def box(low: Tensor, high: Tensor) -> Rule:
    """Montavon et al. 2017, z-B. `low` and `high` are a channel's range, 1 x channels x 1 x 1."""
    def rule(node: Node, values: Tensor, relevance: Tensor) -> Tensor:
        def bounded(level: Tensor) -> Tensor:
            return -level.to(values.dtype).expand_as(values)

        return among([
            (values, node.changed(lambda w: w, hasBias=False)),
            (bounded(low), node.changed(lambda w: w.clamp(min=0), hasBias=False)),
            (bounded(high), node.changed(lambda w: w.clamp(max=0), hasBias=False)),
        ], relevance)

    return rule


def composites(low: Tensor, high: Tensor) -> dict[str, tuple[Rule, Rule, Rule]]:
    """Each method's rules: of convolutions that read the input, of others, of fully connected layers."""
    plus, alpha2_beta1 = signs(1, 0), signs(2, 1)
    return {
        "lrp-epsilon": (epsilon, epsilon, epsilon),
        "lrp-epsilon-plus": (plus, plus, epsilon),
        "lrp-epsilon-plus-flat": (flat, plus, epsilon),
        "lrp-epsilon-gamma-box": (box(low, high), gamma(0.25), epsilon),
        "lrp-epsilon-alpha2-beta1": (alpha2_beta1, alpha2_beta1, epsilon),
        "lrp-epsilon-alpha2-beta1-flat": (flat, alpha2_beta1, epsilon),
        "excitation": (plus, plus, plus),
    }


def relevance(
    folded: Graph, values: dict[str, Tensor], target: tuple[int, ...], rules: tuple[Rule, Rule, Rule]
) -> Tensor:
    """The score's relevance at the input.

    Rectifiers pass relevance on. A max pool's winner gets all. Averages, residual sums and batch
    normalisations that could not be folded share by what each term adds, the epsilon rule.

    Args:
        folded: The network, batch normalisations folded.
        values: Of a forward pass of `folded`.
        target: Where the explained element is, in one picture's score.
        rules: Of the first convolutions, of others and of fully connected layers.

    Returns:
        Relevance for each element of the input.
    """
    firsts = folded.first()
    first, convolution, product = rules

    def share(node: Node, signal: Tensor) -> list[Tensor]:
        inputs = [values[name] for name in node.inputs]
        match node.kind:
            case "Conv":
                return [(first if node.output in firsts else convolution)(node, inputs[0], signal)]
            case "Gemm":
                return [product(node, inputs[0], signal)]
            case "Relu" | "LeakyRelu" | "Clip" | "Identity":
                return [signal]
            case "MaxPool" | "Concat" | "Flatten":
                return node.transposed(inputs, signal)
        carried = node.transposed(inputs, signal / stabilized(values[node.output]))
        return [one * other for one, other in zip(inputs, carried, strict=True)]

    score = values[folded.score]
    return folded.carried(values, one_hot(score, target, score[(0, *target)]), share)


def margin(graph: Graph, values: dict[str, Tensor]) -> float:
    """How near the nearest rectifier or max pool is to switching, as a share of its largest input."""
    least = numpy.inf
    for node in graph.nodes:
        if node.kind not in RECTIFIERS and node.kind != "MaxPool":
            continue
        inputs = values[node.inputs[0]]
        scale = float(inputs.abs().max())
        if node.kind != "MaxPool":
            kinks = [0.0] if node.kind != "Clip" else [node.settings["low"], node.settings["high"]]
            least = min([least, *(float((inputs - kink).abs().min()) / scale for kink in kinks)])
            continue
        settings = node.settings
        (rows, columns), (down, across) = settings["kernel_shape"], settings["pads"]
        # A window that hangs over the edge is filled with values that cannot win.
        padded = functional.pad(inputs, (across, across + columns, down, down + rows), value=-1e30)
        windows = padded.unfold(2, rows, settings["strides"][0]).unfold(3, columns, settings["strides"][1])
        windows = windows[:, :, :values[node.output].shape[2], :values[node.output].shape[3]]
        two = windows.flatten(4).topk(2).values
        gaps = (two[..., 0] - two[..., 1])[two[..., 0] != two[..., 1]]  # All zero: nothing is passed.
        least = min(least, float(gaps.min()) / scale)
    return least
