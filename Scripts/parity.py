"""Compares `switchback run`, `switchback rewrite` and `switchback train` with ONNX Runtime, value by value.

Usage: parity.py SWITCHBACK [MODEL.onnx ...]

For the networks of parity_models.py, and for those named: every value that Switchback can keep lies within 1e-4 of the
value's largest magnitude of ONNX Runtime's; the file that it writes back passes onnx.checker, and ONNX Runtime computes
the same from it. A network that `train` writes gives ONNX Runtime, which is shown pixels as the file's metadata says,
the probabilities that `classify` gives to 1e-4. Exits with 1, and names the worst layer, where one does not.
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file, save_file

import parity_models

LIMIT = 1e-4


def distance(found, expected):
    """The largest difference in parts of the expected value's largest magnitude."""
    if found.shape != expected.shape:
        return float("inf")
    if expected.size == 0 or np.array_equal(found, expected):
        return 0.0
    worst = float(np.abs(found.astype(np.float64) - expected).max()) / max(float(np.abs(expected).max()), 1e-30)
    return worst if np.isfinite(worst) else float("inf")


def runtime(model, inputs, names):
    """What ONNX Runtime computes for these values of a model, without its own rewriting of the graph."""
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    known = {output.name for output in opened.graph.output}
    for name in names:
        if name not in known:
            opened.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(opened.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(list(names), inputs)))


def switchback(tool, *arguments):
    result = subprocess.run([tool, *arguments], capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"switchback {arguments[0]} exits with {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def check(tool, name, model, inputs, folder):
    """The worst layer of the first pass and of the copy: two (distance, layer), and how many values were compared."""
    path, copy = str(folder / f"{name}.onnx"), str(folder / f"{name}.copy.onnx")
    given, results = str(folder / "given.safetensors"), str(folder / "results.safetensors")
    onnx.save(model, path)
    save_file(inputs, given)
    outputs = [output.name for output in model.graph.output]
    made = {output for node in model.graph.node for output in node.output}
    layers = [layer["output"] for layer in json.loads(switchback(tool, "inspect", path, "--json"))["layers"]]
    names = list(dict.fromkeys([layer for layer in layers if layer in made] + outputs))
    switchback(tool, "run", path, "--input", given, "--output", results, "--quiet", "--keep", *names)
    expected, found = runtime(model, inputs, names), load_file(results)
    first = max((distance(found[key], expected[key]), key) for key in names)
    switchback(tool, "rewrite", path, "--out", copy)
    rewritten = onnx.load(copy)
    onnx.checker.check_model(rewritten, full_check=True)
    again = runtime(rewritten, inputs, [output.name for output in rewritten.graph.output])
    second = max((distance(again[key], expected[key]), key) for key in outputs)
    return first, second, len(names)


def png(pixels):
    """An array of rows x columns x 3 as a file's bytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows, columns, _ = pixels.shape
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def trained(tool, folder):
    """The largest difference between the probabilities of a network that was just trained, here and there."""
    switchback(
        tool, "train", "scenes:count=300,validation=40", "--arch", "zfnet", "--input", "64", "--resize", "64", "--width",
        "0.1", "--removing", "6,7", "--init", "he", "--augment", "none", "--epochs", "8", "--batch", "10", "--quiet", "--out", str(folder / "run"))
    path = str(folder / "run/models/final.onnx")
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    how = json.loads(next(entry.value for entry in model.metadata_props if entry.key == "switchback.preprocessing"))
    assert how["channels"] == "RGB" and how["resize"] == {"shorterSide": 64}, how
    pictures = np.random.default_rng(5).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    (folder / "pictures").mkdir()
    for number, picture in enumerate(pictures):
        (folder / "pictures" / f"{number:02}.png").write_bytes(png(picture))
    inputs = (pictures * np.float32(how["scale"]) - np.float32(how["mean"])) / np.float32(how["std"])
    inputs = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2), dtype=np.float32)
    name = model.graph.output[0].name
    expected = runtime(model, {model.graph.input[0].name: inputs}, [name])[name]
    found = np.zeros_like(expected)
    lines = json.loads(switchback(tool, "classify", path, str(folder / "pictures"), "--top", "10", "--json", "--quiet"))
    for line in lines["pictures"]:
        for label in line["top"]:
            found[int(line["image"].removesuffix(".png")), label["index"]] = label["probability"]
    return float(np.abs(found - expected).max()), float(expected.max() - expected.min())


def named(path):
    """A model of a file and an input for it, two pictures where the number is open."""
    model = onnx.load(path)
    weights = {weight.name for weight in model.graph.initializer}
    entry = next(entry for entry in model.graph.input if entry.name not in weights)
    dims = [dim.dim_value for dim in entry.type.tensor_type.shape.dim]
    shape = [dim or (2 if axis == 0 else 224) for axis, dim in enumerate(dims)]
    pixels = np.random.default_rng(7).uniform(-100, 100, shape).astype(np.float32)
    return pathlib.Path(path).stem, model, {entry.name: pixels}


def main(tool, paths):
    start = time.monotonic()
    failures, worst, count = [], (0.0, "nothing"), 0
    with tempfile.TemporaryDirectory() as folder:
        for name, model, inputs in [*parity_models.models(), *map(named, paths)]:
            try:
                first, second, values = check(tool, name, model, inputs, pathlib.Path(folder))
            except Exception as error:
                failures.append(f"{name}: {error}")
                continue
            count += values
            print(f"{name:24} {values:4} values, worst {first[0]:.1e} at {first[1]}; "
                  f"written back {second[0]:.1e} at {second[1]}")
            for (far, layer), where in ((first, ""), (second, " of the copy")):
                worst = max(worst, (far, f"{name}, {layer}{where}"))
                if not far <= LIMIT:
                    failures.append(f"{name}: {layer}{where} is off by {far:.1e} of its largest magnitude")
        try:
            far, spread = trained(tool, pathlib.Path(folder))
            print(f"trained here: probabilities that span {spread:.2f} differ by up to {far:.1e}")
            if not far <= LIMIT:
                failures.append(f"trained here: probabilities are off by {far:.1e}")
        except Exception as error:
            failures.append(f"trained here: {error}")
    print(f"{count} values against ONNX Runtime {onnxruntime.__version__} in {time.monotonic() - start:.0f} s; "
          f"the worst {worst[0]:.1e} at {worst[1]}")
    for failure in failures:
        print("FAILED  " + failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
