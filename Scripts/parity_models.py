"""Small networks, one for each way that exporters shape a CNN, built with onnx.helper from fixed seeds.

Each maker adds nodes to a Graph and returns nothing; `MAKERS` lists them with their operator set. Inputs are `x`
of 3 channels unless a maker says otherwise; the number of images is open.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Nodes and weights of one network; each method adds a node and returns the name of its value."""

    def __init__(self, seed, shape=("N", 3, 32, 32)):
        self.random = np.random.default_rng(seed)
        self.shape = list(shape)
        self.nodes, self.weights, self.channels, self.outputs = [], [], {"x": shape[1]}, []

    def constant(self, array, name=None):
        name = name or f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def floats(self, *shape, low=-1.0, high=1.0):
        return self.constant(self.random.uniform(low, high, shape).astype(np.float32))

    def integers(self, values):
        return self.constant(np.array(values, dtype=np.int64))

    def op(self, kind, inputs, outputs=1, channels=None, **attributes):
        inputs = [inputs] if isinstance(inputs, str) else list(inputs)
        names = [f"{kind.lower()}{len(self.nodes)}" + ("" if outputs == 1 else f"_{i}") for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name="node_" + names[0], **attributes))
        for name in names:
            self.channels[name] = channels if channels is not None else self.channels.get(inputs[0])
        return names[0] if outputs == 1 else names

    def conv(self, x, outputs, window, stride=1, pads=None, group=1, dilation=1, bias=True, **more):
        inputs = self.channels[x]
        scale = (3.0 / (inputs // group * window * window)) ** 0.5
        read = [x, self.floats(outputs, inputs // group, window, window, low=-scale, high=scale)]
        if bias:
            read.append(self.floats(outputs, low=-0.1, high=0.1))
        if "auto_pad" not in more:
            reach = (window - 1) * dilation
            more["pads"] = [reach // 2] * 4 if pads is None else pads
        return self.op("Conv", read, channels=outputs, kernel_shape=[window] * 2, strides=[stride] * 2, group=group,
                       dilations=[dilation] * 2, **more)

    def norm(self, x):
        n = self.channels[x]
        return self.op("BatchNormalization", [x, self.floats(n, low=0.5, high=1.5), self.floats(n), self.floats(n),
                                              self.floats(n, low=0.5, high=2.0)], epsilon=1e-3)

    def relu(self, x):
        return self.op("Relu", x)

    def product(self, x, inputs, outputs):
        scale = (3.0 / inputs) ** 0.5
        return self.op("Gemm", [x, self.floats(outputs, inputs, low=-scale, high=scale), self.floats(outputs)],
                       channels=outputs, transB=1)

    def model(self, version, outputs):
        graph = helper.make_graph(
            self.nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs], self.weights)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=8)
        # Whole inference gives the outputs their shapes, without which the checker refuses the file.
        made = onnx.shape_inference.infer_shapes(made)
        onnx.checker.check_model(made)
        return made


def residual(g):
    x = g.relu(g.norm(g.conv("x", 16, 7, stride=2, bias=False)))
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stride, maps in ((1, 16), (2, 24)):
        y = g.relu(g.norm(g.conv(x, maps, 3, stride=stride, bias=False)))
        y = g.norm(g.conv(y, maps, 3, bias=False))
        skip = x if stride == 1 else g.norm(g.conv(x, maps, 1, stride=stride, bias=False))
        x = g.relu(g.op("Add", [y, skip]))
    x = g.op("GlobalAveragePool", x)
    return [g.product(g.op("Flatten", x, axis=1), 24, 10)]


def inception(g):
    x = g.relu(g.conv("x", 12, 3, stride=2, pads=[0, 0, 1, 1]))
    branches = [
        g.relu(g.conv(x, 4, 1)), g.relu(g.conv(g.relu(g.conv(x, 6, 1)), 8, 3)), g.relu(g.conv(x, 4, 5)),
        g.relu(g.conv(g.op("MaxPool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1]), 4, 1))]
    x = g.op("Concat", branches, channels=20, axis=1)
    x = g.op("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    x = g.op("Dropout", g.op("GlobalMaxPool", x))
    return [g.op("Softmax", g.product(g.op("Flatten", x), 20, 7))]


def alexnet(g):
    x = g.relu(g.conv("x", 16, 11, stride=4, pads=[2, 2, 2, 2]))
    x = g.op("LRN", x, size=5, alpha=1e-1, beta=0.75, bias=2.0)
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    x = g.relu(g.conv(x, 24, 5, group=2))
    x = g.op("LRN", x, size=3, alpha=1e-1, beta=0.5, bias=1.0)
    x = g.op("Flatten", x)
    x = g.op("Dropout", g.relu(g.product(x, 24 * 3 * 3, 32)))
    return [g.op("LogSoftmax", g.product(x, 32, 9), axis=1)]


def mobile(g):
    def gate(x):
        n = g.channels[x]
        y = g.op("GlobalAveragePool", x)
        y = g.relu(g.conv(y, n // 4, 1))
        return g.op("Mul", [x, g.op("HardSigmoid", g.conv(y, n, 1), alpha=1 / 6, beta=0.5)])

    x = g.op("HardSwish", g.norm(g.conv("x", 16, 3, stride=2)))
    y = g.op("HardSwish", g.norm(g.conv(x, 32, 1)))
    y = gate(g.op("HardSwish", g.norm(g.conv(y, 32, 5, group=32))))
    x = g.op("Add", [x, g.norm(g.conv(y, 16, 1))])
    y = g.conv(x, 24, 3, stride=2, group=8)
    y = g.op("Mul", [y, g.op("Sigmoid", y)])
    y = g.op("ReduceMean", y, axes=[2, 3], keepdims=0)
    return [g.product(y, 24, 6)]


def dilated(g):
    x = g.op("LeakyRelu", g.conv("x", 8, 3, dilation=2), alpha=0.1)
    x = g.op("PRelu", [g.conv(x, 12, 3, dilation=3, group=4), g.floats(12, 1, 1)])
    x = g.op("Elu", g.conv(x, 8, 3, pads=[0, 2, 1, 0]), alpha=0.7)
    x = g.op("PRelu", [g.conv(x, 8, 1), g.floats(1)])
    x = g.op("Clip", [g.conv(x, 8, 3), g.constant(np.float32(0)), g.constant(np.float32(6))])
    return [g.op("Tanh", x), g.op("Softplus", g.conv(x, 4, 1))]


def pools(g):
    x = g.conv("x", 6, 3)
    made = [
        g.op("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1),
        g.op("AveragePool", x, kernel_shape=[4, 3], strides=[3, 2], ceil_mode=1),
        g.op("AveragePool", x, kernel_shape=[3, 2], strides=[2, 1], pads=[0, 1, 2, 0]),
        g.op("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
        g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        g.op("MaxPool", x, kernel_shape=[2, 3], strides=[1, 2], dilations=[3, 2]),
        g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER"),
        g.op("GlobalMaxPool", x)]
    return [g.relu(each) for each in made]


def same(g):
    x = g.relu(g.conv("x", 8, 3, stride=2, auto_pad="SAME_UPPER"))
    x = g.relu(g.conv(x, 8, 4, stride=3, auto_pad="SAME_LOWER"))
    x = g.relu(g.conv(x, 8, 2, auto_pad="VALID"))
    return [x]


def shuffle(g):
    """ShuffleNet's exporters: the target of a reshape is worked out from the shape."""
    x = g.relu(g.conv("x", 16, 3, stride=2))
    left, right = g.op("Split", [x, g.integers([8, 8])], outputs=2, channels=8, axis=1)
    right = g.conv(g.relu(g.conv(right, 8, 1)), 8, 3, group=8)
    x = g.op("Concat", [left, right], channels=16, axis=1)
    shape = g.op("Shape", x)
    images = g.op("Gather", [shape, g.constant(np.int64(0))], axis=0)
    first = g.op("Unsqueeze", [images, g.integers([0])])
    target = g.op("Concat", [first, g.integers([2, 8, 16, 16])], axis=0)
    x = g.op("Transpose", g.op("Reshape", [x, target]), perm=[0, 2, 1, 3, 4])
    back = g.op("Concat", [first, g.integers([16, 16, 16])], axis=0)
    x = g.relu(g.conv(g.op("Reshape", [x, back], channels=16), 8, 3))
    flat = g.op("Concat", [first, g.integers([-1])], axis=0)
    return [g.product(g.op("Reshape", [x, flat]), 8 * 16 * 16, 5)]


def layout(g):
    """Converters from channels-last frameworks: transposes, pads, slices, constants on both sides."""
    x = g.op("Transpose", "x", perm=[0, 2, 3, 1], channels=3)
    x = g.op("Sub", [x, g.floats(3)])
    x = g.op("Mul", [g.floats(1, 1, 1, 3), x])
    x = g.op("Transpose", x, perm=[0, 3, 1, 2], channels=3)
    x = g.op("Pad", [x, g.integers([0, 0, 1, 2, 0, 0, 3, 0]), g.constant(np.float32(0.5))])
    x = g.relu(g.conv(x, 8, 3, pads=[0, 0, 0, 0]))
    x = g.op("Slice", [x, g.integers([1, 2]), g.integers([-1, 1 << 40]), g.integers([2, 3]), g.integers([2, 3])])
    x = g.op("Pad", [x, g.integers([0, 0, 2, 1, 0, 0, 1, 2])], mode="reflect")
    x = g.op("Pad", [x, g.integers([0, 0, 1, 0, 0, 0, 0, 1])], mode="edge")
    x = g.relu(g.conv(x, 6, 3))
    y = g.op("Transpose", x, perm=[0, 2, 3, 1])
    y = g.op("ReduceMean", y, axes=[1, 2], keepdims=0)
    return [g.op("MatMul", [y, g.floats(6, 4)]), g.op("Max", [x, g.op("Neg", x), g.op("Abs", x)])]


def dense(g):
    x = g.conv("x", 8, 3, stride=2)
    for _ in range(3):
        y = g.conv(g.relu(g.norm(x)), 4, 3, bias=False)
        x = g.op("Concat", [x, y], channels=g.channels[x] + 4, axis=1)
    x = g.op("AveragePool", g.conv(g.relu(g.norm(x)), 8, 1), kernel_shape=[2, 2], strides=[2, 2])
    x = g.op("GlobalAveragePool", g.relu(x))
    x = g.op("Squeeze", [x, g.integers([2, 3])])
    return [g.product(x, 8, 4)]


def modern(g):
    """ConvNeXt's parts: depthwise windows, layer normalisation over channels, Gelu by parts."""
    x = g.conv("x", 16, 4, stride=4, pads=[0, 0, 0, 0])
    y = g.op("Transpose", g.conv(x, 16, 7, group=16), perm=[0, 2, 3, 1])
    y = g.op("LayerNormalization", [y, g.floats(16), g.floats(16)], axis=-1, epsilon=1e-6)
    y = g.op("Add", [g.op("MatMul", [y, g.floats(16, 32, low=-0.3, high=0.3)]), g.floats(32)])
    half = g.op("Mul", [y, g.op("Add", [g.op("Erf", g.op("Div", [y, g.constant(np.float32(2 ** 0.5))])),
                                        g.constant(np.float32(1))])])
    y = g.op("Mul", [half, g.constant(np.float32(0.5))])
    y = g.op("MatMul", [y, g.floats(32, 16, low=-0.3, high=0.3)])
    y = g.op("Mul", [g.op("Transpose", y, perm=[0, 3, 1, 2]), g.floats(1, 16, 1, 1)])
    x = g.op("Add", [x, y])
    x = g.op("InstanceNormalization", [x, g.floats(16), g.floats(16)], epsilon=1e-4)
    return [g.op("ReduceMean", g.op("Softplus", x), axes=[-2, -1], keepdims=1)]


def legacy(g):
    """Operator set 7 and 9: limits, pads, splits and slices as attributes."""
    x = g.op("Clip", g.norm(g.conv("x", 12, 3)), min=0.0, max=6.0)
    x = g.op("Pad", x, pads=[0, 0, 1, 1, 0, 0, 2, 2], value=0.25, mode="constant")
    one, two = g.op("Split", x, outputs=2, channels=6, axis=1, split=[6, 6])
    x = g.op("Sum", [one, two, g.op("Mul", [one, two])])
    x = g.op("Slice", x, axes=[2, 3], starts=[1, 0], ends=[1000000, -1])
    x = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = g.op("Dropout", x, ratio=0.3)
    x = g.op("Reshape", [x, g.integers([0, -1])])
    width = 6 * 17 * 17
    x = g.op("Gemm", [x, g.floats(width, 8, low=-0.1, high=0.1), g.floats(8)], alpha=0.5, beta=2.0)
    x = g.op("Unsqueeze", x, axes=[2, 3])
    return [g.op("Softmax", x, axis=1), g.op("Squeeze", x, axes=[2, 3])]


def half(g):
    """Weights in half precision behind casts, a constant node, weights that are worked out."""
    filters = g.constant(g.random.uniform(-0.3, 0.3, (8, 3, 3, 3)).astype(np.float16))
    x = g.op("Conv", ["x", g.op("Cast", filters, to=TensorProto.FLOAT)], channels=8, pads=[1, 1, 1, 1])
    doubled = g.constant(g.random.uniform(-0.3, 0.3, (8, 8, 1, 1)))
    x = g.relu(g.op("Conv", [x, g.op("Cast", doubled, to=TensorProto.FLOAT)], channels=8))
    value = numpy_helper.from_array(g.random.uniform(-1, 1, (1, 8, 1, 1)).astype(np.float32))
    bias = g.op("Constant", [], channels=8, value=value)
    x = g.op("Add", [g.op("Mul", [x, g.op("Sqrt", g.op("Abs", bias))]), bias])
    return [g.op("GlobalAveragePool", x)]


def torch_contrast(g):
    """Contrast normalisation across maps as PyTorch writes it, a node at a time."""
    x = g.relu(g.conv("x", 12, 7, stride=2))
    mean = g.op("Reshape", [g.op("Mul", [x, x]), g.integers([-1, 1, 12, 16, 16])], channels=1, allowzero=1)
    mean = g.op("Pad", [mean, g.integers([0, 0, 2, 0, 0, 0, 0, 2, 0, 0])])
    mean = g.op("AveragePool", mean, kernel_shape=[5, 1, 1], strides=[1, 1, 1], count_include_pad=1)
    mean = g.op("Squeeze", [mean, g.integers([1])], channels=12)
    mean = g.op("Add", [g.op("Mul", [mean, g.constant(np.float32(0.1))]), g.constant(np.float32(2))])
    x = g.op("Div", [x, g.op("Pow", [mean, g.constant(np.float32(0.75))])])
    return [g.relu(g.conv(g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), 8, 5, stride=2))]


def decoder(g):
    """Maps made larger again: transposed convolutions, nearest neighbours, blocks of channels."""
    x = g.relu(g.conv("x", 8, 3, stride=2))
    up = g.op("ConvTranspose", [x, g.floats(8, 3, 3, 3, low=-0.3, high=0.3), g.floats(6)], channels=6, group=2,
              strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    wide = g.op("ConvTranspose", [x, g.floats(8, 4, 4, 3, low=-0.3, high=0.3)], channels=4, strides=[1, 3],
                dilations=[2, 1], pads=[0, 1, 2, 0])
    near = g.op("Resize", [x, "", g.constant(np.array([1, 1, 2, 3], dtype=np.float32))], mode="nearest",
                coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    blocks = g.op("DepthToSpace", x, channels=2, blocksize=2, mode="CRD")
    back = g.op("SpaceToDepth", g.conv(blocks, 3, 3), channels=12, blocksize=2)
    return [g.relu(up), g.relu(wide), near, g.conv(back, 2, 1)]


def attention(g):
    x = g.relu(g.conv("x", 8, 3, stride=4))
    parts = [g.op("Reshape", [g.conv(x, 8, 1), g.integers([0, 2, 4, -1])]) for _ in range(3)]
    turned = g.op("Transpose", parts[0], perm=[0, 1, 3, 2])
    weights = g.op("Softmax", g.op("MatMul", [turned, parts[1]]), axis=-1)
    mixed = g.op("MatMul", [parts[2], g.op("Transpose", weights, perm=[0, 1, 3, 2])])
    x = g.op("Add", [x, g.op("Reshape", [mixed, g.integers([0, 8, 8, 8])])], channels=8)
    gate = g.op("Sigmoid", g.conv(g.op("ReduceMean", x, channels=1, axes=[1], keepdims=1), 1, 7))
    x = g.op("Mul", [x, gate], channels=8)
    x = g.op("ReduceMax", x, axes=[2, 3], keepdims=0)
    norm = g.op("ReduceL2", x, axes=[1], keepdims=1)
    return [g.op("Div", [x, norm])]


def open_size(g):
    """Rows and columns open: every extent of a target comes from the shape."""
    x = g.relu(g.conv("x", 8, 3, stride=2))
    shape = g.op("Shape", x)
    sizes = [g.op("Gather", [shape, g.integers([axis])], axis=0) for axis in range(4)]
    x = g.op("Reshape", [x, g.op("Concat", [sizes[0], g.integers([2, 4]), *sizes[2:]], axis=0)])
    x = g.op("Transpose", x, perm=[0, 2, 1, 3, 4])
    x = g.op("Reshape", [x, g.op("Concat", [sizes[0], g.integers([8]), *sizes[2:]], axis=0)], channels=8)
    x = g.relu(g.conv(x, 8, 3, group=4))
    return [g.product(g.op("Flatten", g.op("GlobalAveragePool", x)), 8, 5)]


MAKERS = [
    (residual, 7), (residual, 13), (inception, 9), (inception, 11), (alexnet, 13), (mobile, 14), (dilated, 11),
    (dilated, 17), (pools, 11), (pools, 17), (same, 11), (shuffle, 13), (layout, 13), (dense, 13), (modern, 17),
    (legacy, 7), (legacy, 9), (half, 13), (half, 17),
    (torch_contrast, 18), (decoder, 13), (attention, 13), (open_size, 13), (open_size, 21),
]


def models():
    """Names, models and an input for each: three pictures of a fixed seed."""
    for seed, (maker, version) in enumerate(MAKERS):
        graph = Graph(seed, ("N", 3, "H", "W") if maker is open_size else ("N", 3, 32, 32))
        outputs = maker(graph)
        x = np.random.default_rng(1000 + seed).uniform(-1, 1, (3, 3, 32, 32)).astype(np.float32)
        yield f"{maker.__name__}-{version}", graph.model(version, outputs), {"x": x}
