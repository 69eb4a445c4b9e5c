"""Writes the paper's network with random weights as an ONNX file: `zfnet.py OUT.onnx`."""

import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

generator = numpy.random.default_rng(0)
initializers, nodes = [], []


def weights(name, *shape):
    deviation = (2 / numpy.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.05
    values = generator.normal(0, deviation, shape).astype(numpy.float32)
    initializers.append(numpy_helper.from_array(values, name))
    return name


def add(operator, inputs, output, **attributes):
    nodes.append(helper.make_node(operator, inputs, [output], **attributes))
    return output


def convolution(number, value, outputs, inputs, window, stride, pad):
    name = f"conv{number}"
    filters = weights(name + ".filters", outputs, inputs, window, window)
    value = add(
        "Conv", [value, filters, weights(name + ".bias", outputs)], name, kernel_shape=[window] * 2,
        strides=[stride] * 2, pads=[pad] * 4)
    return add("Relu", [value], f"relu{number}")


def pool(number, value, rounds_up):
    return add("MaxPool", [value], f"pool{number}", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=rounds_up)


def norm(number, value):
    return add("LRN", [value], f"norm{number}", size=5, alpha=1e-4, beta=0.75, bias=2.0)


def main():
    value = norm(1, pool(1, convolution(1, "input", 96, 3, 7, 2, 1), 1))
    value = norm(2, pool(2, convolution(2, value, 256, 96, 5, 2, 0), 1))
    for number, outputs, inputs in ((3, 384, 256), (4, 384, 384), (5, 256, 384)):
        value = convolution(number, value, outputs, inputs, 3, 1, 1)
    value = add("Flatten", [pool(5, value, 0)], "flat")
    for number, outputs, inputs in ((6, 4096, 9216), (7, 4096, 4096), (8, 1000, 4096)):
        name = f"fc{number}"
        value = add(
            "Gemm", [value, weights(name + ".weights", outputs, inputs), weights(name + ".bias", outputs)], name,
            transB=1)
        if number < 8:
            value = add("Relu", [value], f"relu{number}")
    add("Softmax", [value], "probabilities", axis=1)
    graph = helper.make_graph(
        nodes, "zfnet", [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 1000])], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, sys.argv[1])


main()
