"""Writes the networks to compare, with random weights, as ONNX and ncnn files: `networks.py FOLDER [MODEL ...]`.

A MODEL is an ONNX file that exists; it gets its ncnn files in FOLDER too. Files already there are kept.
"""

import math
import os
import shutil
import subprocess
import sys
import tempfile

import onnx

NETWORKS = {
    "vgg11": "vgg11",
    "vgg16-convolutions": "vgg16",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "densenet121": "densenet121",
    "mobilenet-v3-small": "mobilenet_v3_small",
    "efficientnet-b0": "efficientnet_b0",
    "convnext-tiny": "convnext_tiny",
    "vgg16": "vgg16",
    "resnet18-training": "resnet18",
}
# Those that no other runtime is measured on.
PYTORCH_ALONE = ("vgg16", "resnet18-training")


def network(name):
    """The torchvision network, with statistics and scales as if trained, so that values stay of one size."""
    import torch
    import torchvision

    torch.manual_seed(0)
    made = getattr(torchvision.models, NETWORKS[name])(weights=None).eval()
    if name.endswith("-convolutions"):
        made = made.features
    for parameter_name, parameter in made.named_parameters():
        if parameter_name.endswith("bias"):
            torch.nn.init.normal_(parameter, 0, 0.05)
        elif parameter_name.endswith("layer_scale"):
            torch.nn.init.uniform_(parameter, 0.05, 0.5)  # at its first value, 1e-6, ConvNeXt's blocks add nothing
        elif parameter.dim() == 1:
            torch.nn.init.uniform_(parameter, 0.5, 1)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1  # its statistics become those of the pictures below
            module.train()
    with torch.no_grad():
        made(torch.rand(8, 3, 224, 224))
    return made.eval()


def write_onnx(name, path):
    import torch

    # The exporter by tracing writes plain graphs, batch norms folded into convolutions unless they are to learn.
    mode = torch.onnx.TrainingMode.PRESERVE if name.endswith("-training") else torch.onnx.TrainingMode.EVAL
    torch.onnx.export(
        network(name), torch.rand(1, 3, 224, 224), path, input_names=["input"], output_names=["output"],
        dynamic_axes={"input": {0: "N"}, "output": {0: "N"}}, opset_version=17, dynamo=False, training=mode)
    onnx.checker.check_model(path, full_check=True)


def write_ncnn(model, path):
    import pnnx

    given = onnx.load(model, load_external_data=False).graph.input[0].type.tensor_type.shape.dim
    shape = ",".join(["1", *(str(extent.dim_value or 224) for extent in given[1:])])
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(model, f"{folder}/model.onnx")
        # Weights stay float32; pnnx halves them otherwise.
        subprocess.run(
            [pnnx.EXEC_PATH, "model.onnx", f"inputshape=[{shape}]", "fp16=0"], cwd=folder, check=True,
            stdout=subprocess.DEVNULL)
        shutil.move(f"{folder}/model.ncnn.bin", path + ".bin")
        with open(f"{folder}/model.ncnn.param") as param:
            text = with_fixed_shapes(param.read())
        with open(path + ".param", "w") as param:
            param.write(text)


def with_fixed_shapes(text):
    """The text of an ncnn file with numbers for the shapes around its products, as pictures are square.

    pnnx writes them as expressions, with which ConvNeXt took more than ten times as long.
    """
    lines = [line.split() for line in text.splitlines()]
    products = [line for line in lines if line[0] == "Gemm"]
    sizes = [dict(field.split("=", 1) for field in line[6:]) for line in products]
    flattened = {line[4]: f"0={size['9']} 1={size['7']}" for line, size in zip(products, sizes)}
    unfolded = {}
    for line, size in zip(products, sizes):
        side = math.isqrt(int(size["7"]))
        unfolded[line[5]] = f"0={size['8']} 1={side} 2={side}"
    for index, line in enumerate(lines):
        if line[-1] == '6="0w,-1"':
            lines[index] = [*line[:-1], flattened[line[5]]]
        elif line[-1] == '6="0w,1h,1c"':  # the second of its two inputs gave the shape
            lines[index] = [*line[:2], "1", "1", line[4], *line[6:-1], unfolded[line[4]]]
    return "\n".join(" ".join(line) for line in lines) + "\n"


def main():
    folder, models = sys.argv[1], sys.argv[2:]
    os.makedirs(folder, exist_ok=True)
    for name in NETWORKS:
        path = f"{folder}/{name}.onnx"
        if not os.path.exists(path):
            write_onnx(name, path + ".part")
            os.rename(path + ".part", path)
        if name not in PYTORCH_ALONE:
            models.append(path)
    for model in models:
        path = f"{folder}/{os.path.splitext(os.path.basename(model))[0]}.ncnn"
        if not os.path.exists(path + ".param"):
            write_ncnn(model, path)


if __name__ == "__main__":
    main()
