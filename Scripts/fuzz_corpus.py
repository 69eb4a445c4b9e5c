"""Makes the inputs that the fuzzer begins with: small, sound, and each with parts that the others have not.

Usage: fuzz_corpus.py FOLDER, with numpy, onnx, pillow, safetensors and scipy. What else lies in FOLDER stays.
"""

import io
import json
import pathlib
import struct
import sys

import numpy as np
import onnx
import scipy.io
from onnx import TensorProto, helper
from PIL import Image
from safetensors.numpy import save

from parity_models import Graph


def networks():
    def made(build, version=17, **metadata):
        graph = Graph(3, ("N", 3, 8, 8))
        model = graph.model(version, build(graph))
        for key, value in metadata.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = key.replace("_", ".", 1), value
        return model.SerializeToString()

    def residual(g):
        x = g.relu(g.norm(g.conv("x", 2, 3, bias=False)))
        x = g.op("MaxPool", g.op("Add", [x, g.conv(x, 2, 1)]), kernel_shape=[2, 2], strides=[2, 2])
        return [g.op("Softmax", g.product(g.op("Flatten", x), 2 * 4 * 4, 3))]

    def chain(g):
        x = g.conv("x", 4, 1)
        images = g.op("Gather", [g.op("Shape", x), g.integers([0])], axis=0)
        target = g.op("Concat", [images, g.integers([2, 2, 8, 8])], axis=0)
        x = g.op("Transpose", g.op("Reshape", [x, target]), perm=[0, 2, 1, 3, 4])
        x = g.op("Reshape", [x, g.op("Concat", [images, g.integers([4, -1])], axis=0)])
        one, two = g.op("Split", [x, g.integers([1, 3])], outputs=2, axis=1)
        y = g.op("Slice", [two, g.integers([0]), g.integers([1]), g.integers([1])])
        return [g.op("ReduceMean", g.op("Mul", [one, y]), axes=[2], keepdims=0)]

    def norms(g):
        x = g.op("Transpose", g.conv("x", 4, 3, stride=2, auto_pad="SAME_UPPER"), perm=[0, 2, 3, 1])
        x = g.op("LayerNormalization", [x, g.floats(4), g.floats(4)], axis=-1)
        x = g.op("Erf", g.op("MatMul", [x, g.floats(4, 4)]))
        x = g.op("Transpose", g.op("Clip", [x, g.constant(np.float32(0)), g.constant(np.float32(6))]), perm=[0, 3, 1, 2])
        x = g.op("Resize", [x, "", g.constant(np.float32([1, 1, 2, 2]))], mode="nearest",
                 coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        x = g.op("Pad", [x, g.integers([0, 0, 1, 1, 0, 0, 1, 1])])
        return [g.op("LRN", g.op("AveragePool", x, kernel_shape=[3, 3], ceil_mode=1), size=3)]

    prepared = json.dumps({"channels": "BGR", "mean": [1, 2, 3], "std": [1, 1, 2], "scale": 0.5,
                           "resize": {"shorterSide": 9}, "crop": {"center": 8}})
    yield "sound", made(residual, switchback_preprocessing=prepared, switchback_classes='["a", "b", "c"]')
    yield "chain", made(chain)
    yield "norms", made(norms)
    half = onnx.load_from_string(made(residual))
    branch = helper.make_graph([helper.make_node("Relu", ["x"], ["r"])], "then",
                               [], [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)])
    chosen = helper.make_node("If", ["flag"], ["chosen"], then_branch=branch, else_branch=branch)
    half.graph.initializer.append(helper.make_tensor("flag", TensorProto.BOOL, [], [True]))
    half.graph.node.insert(0, chosen)
    half.graph.node[1].input[0] = "chosen"
    for weight in half.graph.initializer:
        if weight.name == "w0":
            weight.CopyFrom(helper.make_tensor("w0", TensorProto.FLOAT16, weight.dims,
                                               np.ones(weight.dims, np.float16).ravel()))
    half.graph.node[1].input[1] = "wide"
    half.graph.node.insert(1, helper.make_node("Cast", ["w0"], ["wide"], to=TensorProto.FLOAT))
    yield "branch", half.SerializeToString()


def pictures():
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 4), dtype=np.uint8)
    for name, mode, kind, more in [
            ("sound", "RGB", "PNG", {}), ("alpha", "RGBA", "PNG", {}), ("palette", "P", "GIF", {}), ("grey", "L", "JPEG", {}),
            ("colour", "RGB", "JPEG", {"progressive": True}), ("ink", "CMYK", "JPEG", {}), ("bits", "1", "TIFF", {}),
            ("packed", "RGB", "TIFF", {"compression": "tiff_lzw"}), ("web", "RGBA", "WEBP", {})]:
        image = Image.fromarray(pixels[..., :3] if mode != "RGBA" else pixels).convert(mode)
        file = io.BytesIO()
        image.save(file, kind, **more)
        yield name, file.getvalue()
    deep = io.BytesIO()
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(deep, "PNG")
    yield "deep", deep.getvalue()


def tables():
    for name, compressed in (("sound", True), ("plain", False)):
        file = io.BytesIO()
        kinds = [("ILSVRC2012_ID", object), ("WNID", object), ("words", object), ("children", object)]
        rows = [(1.0, "n01440764", "tench", np.zeros((0, 0))), (2.0, "n01443537", "goldfish", np.zeros((0, 0)))]
        scipy.io.savemat(file, {"synsets": np.array(rows, dtype=kinds).reshape(-1, 1)}, do_compression=compressed)
        yield name, file.getvalue()


ANNOTATION = """<annotation><size><width>1</width><height>1</height><depth>3</depth></size>
<object><name>person</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>1</xmax><ymax>1</ymax></bndbox>
<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>1.5</xmax><ymax>1</ymax></bndbox></part></object>
<object><name>cat</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>1</xmax><ymax>1</ymax></bndbox></object>
</annotation>"""

EXPERIMENT = """base: zfnet
input: 32
width: 0.1
data: {pictures: "scenes:count=40,validation=10", hold-out: 0.1}
recipe: {epochs: 1, batch: 8, schedule: cosine, augment: none, init: he}
seeds: [1, 2]
variants:
  - {name: whole, published: [35.1, 40.5, 18.1]}
  - {name: "without 3,4", removing: [3, 4]}
  - name: larger
    resizing: {6: 128}
"""

TRAINING = {
    "configuration": {
        "architecture": "zfnet", "augmentation": "none", "batch": 10, "epochs": 1, "filterLimit": 0.1, "holdOut": 0.1,
        "initialization": "he", "input": 32, "momentum": 0.9, "pictures": "scenes:count=40,validation=10",
        "picturesDigest": "37160bf1c892c1a2", "rate": 0.01, "removing": [3], "resizing": {"6": 128},
        "firstLayer": {"size": 5, "stride": 2}, "schedule": "plateau", "seed": 0, "stepsBetweenCheckpoints": 500,
        "threads": 2, "weightDecay": 0.0005, "width": 0.1}, "format": 1, "kind": "train"}


def corpus():
    arrays = {"a": np.ones((2, 3), np.float32), "b": np.zeros((1,), np.float32)}
    images = struct.pack(">IIII", 0x803, 1, 2, 2) + bytes(range(4))
    parts = {"pictures": ["a.png"], "parts": {"nose": [[0, 0, 1, 1]]}}
    yield "onnx", networks()
    yield "safetensors", [("sound", save(arrays, metadata={"k": "v"}))]
    yield "picture", pictures()
    yield "idx", [("sound", images)]
    yield "cifar", [("sound", bytes([3] + [7] * 3072))]
    yield "mat", tables()
    yield "xml", [("sound", ANNOTATION.encode())]
    yield "yaml", [("sound", EXPERIMENT.encode())]
    yield "parts", [("sound", json.dumps(parts).encode())]
    yield "run", [("sound", json.dumps(TRAINING, indent=2, separators=(",", " : "), sort_keys=True).encode())]


if __name__ == "__main__":
    for kind, inputs in corpus():
        folder = pathlib.Path(sys.argv[1]) / kind
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in inputs:
            (folder / name).write_bytes(data)
