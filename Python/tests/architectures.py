"""Exports networks of torchvision and timm with random weights, and compares each file with its module.

    python architectures.py FOLDER [PART OF A NAME]

For each network: whether every convolution that the module calls is a layer of the same name; how far the
file's output is from PyTorch's, as a share of its largest value; and how far its prepared images are from
those of the transform, in grey levels, over twenty images of odd sizes. Ends with 1 where a name is missing,
an output is not within 1e-4 or an image is not within two levels.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
import torchvision
from PIL import Image
from safetensors.numpy import load_file, save_file

import switchback
from switchback._command import run
from switchback._transforms import preprocessing

TORCHVISION = (
    "alexnet vgg11_bn resnet18 resnet50 squeezenet1_1 densenet121 googlenet inception_v3 mobilenet_v3_small "
    "efficientnet_b0 convnext_tiny regnet_y_400mf"
).split()
TIMM = (
    "resnetv2_50x1_bit tf_efficientnet_b0 eca_nfnet_l0 repvgg_a0 convnextv2_atto mobilenetv4_conv_small "
    "ghostnet_100 seresnet50 xception41 hrnet_w18_small res2net50_26w_4s dla34"
).split()
# Rows and columns. Many leave an odd number of pixels around a crop, where libraries round differently.
SIZES = (
    "231x517 427x640 225x225 97x301 301x97 333x500 500x375 257x256 256x257 481x321 224x224 223x225 1023x767 "
    "640x481 199x1001 350x233 600x451 299x300 129x131 513x385"
).split()


class Reader(torch.nn.Module):
    """A network whose score is the mean of its input, so that the gradient times the input is the input."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 1, 1, bias=False)
        self.classifier = torch.nn.Linear(1, 2, bias=False)
        for weight in self.parameters():
            torch.nn.init.ones_(weight)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The mean, twice."""
        return self.classifier(self.convolution(images).mean((2, 3)).flatten(1))


def pictures(folder: Path) -> list[Path]:
    """Twenty images: smooth, with edges, and noisy; as PNG, and as JPEG with and without thinned colours."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    made = []
    for number, size in enumerate(SIZES):
        rows, columns = map(int, size.split("x"))
        down, across = np.mgrid[0:rows, 0:columns] / 40
        phases = random.uniform(0, 6, 3)
        waves = np.stack([np.sin(down * (1 + phase / 6) + across + phase) for phase in phases], axis=2)
        levels = 127 + 100 * waves
        levels[rows // 3 : rows // 2, columns // 4 : columns // 2] = random.uniform(0, 255, 3)
        levels += random.normal(0, (0, 8, 40)[number % 3], levels.shape)
        image = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
        path = folder / f"{size}.{'png' if number % 2 else 'jpg'}"
        image.save(path, **({} if number % 2 else {"quality": 92, "subsampling": 0 if number % 4 else 2}))
        made.append(path)
    return made


def prepared(transform: Any, images: Path, folder: Path) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """What the command makes of each picture: rows x columns x channels."""
    folder.mkdir()
    file = switchback.export(Reader().eval(), folder / "reader.onnx", transform=transform)
    out = folder / "read"
    run(["explain", file, images, "--out", out, "--method", "input-x-gradient", "--class", "0", "--quiet"])
    for found in sorted((out / "explanations").glob("*.safetensors")):
        values = load_file(found)["input-x-gradient"]
        yield found.stem, values * values.shape[0] * values.shape[1]


def levels_apart(transform: Any, call: Callable[[Any], torch.Tensor], images: Path, folder: Path) -> float:
    """The largest difference between prepared images of the command and of the transform, in grey levels."""
    said = preprocessing(transform)
    step = np.array(said["std"]) / said["scale"]
    largest, count = 0.0, 0
    paths = {path.stem: path for path in images.iterdir()}
    for name, found in prepared(transform, images, folder):
        expected = call(Image.open(paths[name]).convert("RGB")).permute(1, 2, 0).numpy()
        largest = max(largest, float(np.abs((found - expected) * step).max()))
        count += 1
    assert count == len(SIZES), f"{count} of {len(SIZES)} images were prepared"
    return largest


def randomized(module: torch.nn.Module, size: int) -> torch.nn.Module:
    """The module with gains and statistics that no operation can leave out unnoticed."""
    with torch.no_grad():
        for value in module.parameters():
            if value.numel() > 1 and bool((value == value.flatten()[0]).all()):
                value.add_(torch.randn_like(value), alpha=0.1)
        for part in module.modules():
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
                # The statistics of what passes now, not a moving average.
                part.momentum = None
        module.train()(torch.randn(4, 3, size, size))
    return module.eval()


def network(library: str, name: str) -> tuple[torch.nn.Module, Any, Callable[[Any], torch.Tensor]]:
    """A network, its transform as `export` takes it, and the transform as a function."""
    torch.manual_seed(0)
    if library == "torchvision":
        transform = torchvision.models.get_model_weights(name).DEFAULT.transforms()
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        module = torchvision.models.get_model(name, **options)
        return randomized(module, transform.crop_size[0]), transform, transform
    module = timm.create_model(name)
    configuration = timm.data.resolve_model_data_config(module)
    transform = timm.data.create_transform(**configuration)
    return randomized(module, configuration["input_size"][1]), configuration, transform


def output_apart(module: torch.nn.Module, file: Path, size: int) -> float:
    """The largest difference of the outputs for two random images, as a share of the largest value."""
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(7))
    given, found = file.with_suffix(".in.safetensors"), file.with_suffix(".out.safetensors")
    save_file({"images": images.numpy()}, given)
    run(["run", file, "--input", given, "--output", found])
    with torch.no_grad():
        expected = module(images).numpy()
    (value,) = load_file(found).values()
    return float(np.abs(value - expected).max() / np.abs(expected).max())


def missing(module: torch.nn.Module, file: Path, size: int) -> tuple[list[str], int]:
    """Convolutions without a layer of their name, and how many the module calls."""
    called: dict[str, None] = {}
    for name, part in module.named_modules():
        if isinstance(part, torch.nn.Conv2d):
            part.register_forward_pre_hook(lambda _, __, name=name: called.setdefault(name))
    with torch.no_grad():
        module(torch.zeros(2, 3, size, size))
    layers = json.loads(run(["inspect", file, "--json"]))["layers"]
    names = {layer["name"] for layer in layers if layer["operation"] == "Conv"}
    return [name for name in called if name not in names], len(called)


def main(folder: Path, part: str) -> int:
    """Checks the networks whose names contain the part, and prints a line for each."""
    pictures(folder / "pictures")
    # Networks that share their preprocessing share its check.
    levels: dict[str, float] = {}
    failed = False
    print(f"{'network':24} {'convolutions':>13} {'output':>9} {'levels':>7} {'seconds':>8}  preprocessing")
    for library, name in [("torchvision", name) for name in TORCHVISION] + [("timm", name) for name in TIMM]:
        if part not in name:
            continue
        began = time.monotonic()
        module, transform, call = network(library, name)
        with warnings.catch_warnings():
            warnings.simplefilter("error", switchback.SwitchbackWarning)
            file = switchback.export(module, folder / f"{name}.onnx", transform=transform)
        said = preprocessing(transform)
        key = json.dumps(said)
        if key not in levels:
            levels[key] = levels_apart(transform, call, folder / "pictures", folder / f"reader-{len(levels)}")
        size = said["crop"]["center"]
        apart = output_apart(module, file, size)
        lost, count = missing(module, file, size)
        fails = bool(lost) or not apart < 1e-4 or not levels[key] <= 2.001
        failed = failed or fails
        resize = said["resize"]
        sides = resize.get("shorterSide") or f"{resize['rows']} x {resize['columns']}"
        print(
            f"{name:24} {count - len(lost):5} of {count:4} {apart:9.1e} {levels[key]:7.2f} "
            f"{time.monotonic() - began:8.0f}  {sides} {resize['interpolation']}, crop {size}"
            + ("  FAILED" if fails else "")
            + (f": {', '.join(lost[:3])}" if lost else ""),
            flush=True,
        )
        file.unlink()
    return int(failed)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) == 3 else ""))
