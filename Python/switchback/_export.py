"""Writing a PyTorch module as an ONNX file with names, preprocessing and classes, and checking the file."""

import contextlib
import copy
import importlib.util
import inspect
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from ._command import SwitchbackError, SwitchbackWarning, find, run
from ._exporters import INPUT, cause, write
from ._transforms import Preprocessing, preprocessing

if TYPE_CHECKING:
    import torch

# How many random images a check runs together; several numbers show that the number is open.
_BATCHES = (1, 3, 2)


def export(
    model: "torch.nn.Module",
    path: str | os.PathLike[str],
    *,
    transform: Any = None,
    classes: Sequence[str] | None = None,
    size: int | tuple[int, int] | None = None,
    tolerance: float = 1e-4,
) -> Path:
    """Writes a PyTorch module as an ONNX file, and compares the file's outputs with the module's.

    Layers have the names of modules (`layer3.1.conv2`), the number of images is open, and numbers are
    float32. Weights of more than 1.5 GB are in a file beside it, `PATH.data`.

    Args:
        model: A module in evaluation mode that takes a tensor of images, N x channels x rows x columns.
        path: The file. Its folder is made where there is none.
        transform: How an image becomes the input: a transform of torchvision, timm or albumentations, timm's
            data configuration, or a dictionary of the keys that README.md describes under Preprocessing.
            Without it the file does not say, and ImageNet's preprocessing is assumed with a warning.
        classes: Names of the classes, in the order of the first output.
        size: Rows and columns of the input, or the side of a square. By default the size that `transform`
            makes, else the one that a timm module was made for.
        tolerance: The largest difference allowed between an output of the file and of the module, for three
            random inputs, as a share of the output's largest absolute value.

    Returns:
        The path.

    Raises:
        SwitchbackError: An argument is wrong, PyTorch cannot export the module, the file's outputs differ
            from the module's, or a step of the transform cannot be written down. What was at `path` stays.
    """
    _require_packages()
    # What checks the file, asked for before the long work.
    find()
    module = _in_float32(_checked_module(model))
    said = preprocessing(transform) if transform is not None else None
    rows, columns = _size(module, size, said)
    if said is not None and "resize" not in said and "crop" not in said:
        # A transform without either is one for images that have the input's size.
        said = {**said, "resize": {"rows": rows, "columns": columns}}
    channels = _channels(module)
    if said is not None:
        said = _with_channels(said, channels)
    samples, convolutions = _samples(module, (channels, rows, columns))
    metadata = {}
    if said is not None:
        metadata["switchback.preprocessing"] = json.dumps(said)
    if classes is not None:
        names = _checked_classes(classes, samples[0].outputs[0])
        metadata["switchback.classes"] = json.dumps(names, ensure_ascii=False)
    target = Path(path)
    with _folder_beside(target) as folder:
        file = folder / target.name
        write(module, samples[-1].images, file)
        outputs = _annotate(file, metadata)
        _check_outputs(file, outputs, samples, tolerance)
        _check_names(file, convolutions)
        # The file of the network comes last: it is the one that must not be there without the others.
        for made in sorted(folder.iterdir(), key=lambda made: made == file):
            os.replace(made, target.parent / made.name)
    return target


def _require_packages() -> None:
    missing = [name for name in ("torch", "onnx", "onnxscript") if importlib.util.find_spec(name) is None]
    if missing:
        raise SwitchbackError(f"export needs {' and '.join(missing)}: pip install 'switchback[export]'.")
    import torch

    major, minor = torch.__version__.split(".")[:2]
    if (int(major), int(minor)) < (2, 6):
        raise SwitchbackError(
            f"export needs PyTorch 2.6 or later, and {torch.__version__} is installed: pip install "
            "--upgrade torch."
        )


def _checked_module(model: Any) -> "torch.nn.Module":
    """The module, without the wrapper that `torch.compile` or `DataParallel` put around it."""
    import torch

    if isinstance(model, (str, os.PathLike)):
        raise SwitchbackError(
            f"'{os.fspath(model)}' is a path, not a module. Make the module, load the file into it with "
            "model.load_state_dict(torch.load(path)), and export the module."
        )
    if isinstance(model, Mapping):
        raise SwitchbackError(
            "this is a dictionary of weights (a state_dict), not a module. Make the module, call "
            "model.load_state_dict(weights), and export the module."
        )
    if isinstance(model, type) or not isinstance(model, torch.nn.Module):
        found = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        raise SwitchbackError(f"export takes a torch.nn.Module, and this is {found}.")
    if isinstance(model, torch.jit.ScriptModule):
        raise SwitchbackError("this is a TorchScript module; export the module that it was made from.")
    if isinstance(model, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)):
        return _checked_module(model.module)
    if hasattr(model, "_orig_mod"):
        return _checked_module(model._orig_mod)
    training = next((name or "the module" for name, part in model.named_modules() if part.training), None)
    if training is not None:
        raise SwitchbackError(
            f"{training} is in training mode, where dropout and batch normalization differ from inference: "
            "call model.eval() first."
        )
    required = [
        parameter.name
        for parameter in inspect.signature(model.forward).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if len(required) > 1:
        raise SwitchbackError(
            f"the module takes {len(required)} inputs ({', '.join(required)}), and a network of images "
            "takes one. Wrap it in a module whose forward(images) gives the others."
        )
    return model


def _in_float32(module: "torch.nn.Module") -> "torch.nn.Module":
    """The module, or a copy of it in float32 with a warning."""
    import torch

    types = {value.dtype for value in (*module.parameters(), *module.buffers())}
    others = sorted(str(kind) for kind in types if kind.is_floating_point and kind != torch.float32)
    if not others:
        return module
    warnings.warn(
        f"the module has {' and '.join(others)} numbers; the file has float32, and is compared with "
        "a copy of the module in float32.",
        SwitchbackWarning,
        stacklevel=3,
    )
    return copy.deepcopy(module).float()


def _size(module: "torch.nn.Module", size: Any, said: Preprocessing | None) -> tuple[int, int]:
    given = size if size is None or isinstance(size, (tuple, list)) else (size, size)
    numbers = (int, np.integer)
    if given and (len(given) != 2 or not all(isinstance(side, numbers) and side > 0 for side in given)):
        raise SwitchbackError(f"size={size!r}: give the side of a square, as 224, or (rows, columns).")
    resize = (said or {}).get("resize") or {}
    made = None
    if said and said.get("crop"):
        made = (said["crop"]["center"],) * 2
    elif "rows" in resize:
        made = (resize["rows"], resize["columns"])
    elif resize:
        raise SwitchbackError(
            f"the transform makes the shorter side {resize.get('shorterSide')} pixels, and the other in "
            "proportion, but the network's input has one size: add a CenterCrop, or resize to (rows, "
            "columns)."
        )
    if given and made and tuple(given) != made:
        raise SwitchbackError(
            f"size is {given[0]} x {given[1]}, and the transform makes {made[0]} x {made[1]}: leave it out."
        )
    timm = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None) or {}
    found = given or made or timm.get("input_size", ())[1:]
    if not found:
        raise SwitchbackError("the size of the input is not known: give transform=, or size= as size=224.")
    return int(found[0]), int(found[1])


def _channels(module: "torch.nn.Module") -> int:
    import torch

    taken = [part.in_channels for part in module.modules() if isinstance(part, torch.nn.Conv2d)]
    # Parts are listed as they were made, which need not be the order in which they compute.
    channels = next((count for count in taken if count in (1, 3)), taken[0] if taken else 3)
    if channels not in (1, 3):
        raise SwitchbackError(
            f"the first convolution takes {channels} channels, and images have 3, or 1 if they are grey."
        )
    return int(channels)


def _with_channels(said: Preprocessing, channels: int) -> Preprocessing:
    """The preprocessing for so many channels, or a refusal where the transform makes others."""
    made = 1 if said.get("channels") == "GRAY" else 3
    if made == channels:
        return said
    if made == 1:
        raise SwitchbackError(
            "the transform makes grey images, and the first convolution takes 3 channels: leave Grayscale() "
            "out."
        )
    values = {key: set(said[key]) for key in ("mean", "std") if key in said}
    if any(len(numbers) > 1 for numbers in values.values()):
        raise SwitchbackError(
            "the first convolution takes 1 channel, and the transform normalizes 3: add Grayscale() to it, "
            "and normalize by one mean and one standard deviation."
        )
    # Images that are grey as they are read, such as MNIST's, need no Grayscale().
    return {**said, "channels": "GRAY", **{key: list(numbers) for key, numbers in values.items()}}


@dataclass(frozen=True)
class _Sample:
    """Random images, and what the module makes of them."""

    images: "torch.Tensor"
    outputs: list[npt.NDArray[Any]]


def _samples(module: "torch.nn.Module", shape: tuple[int, int, int]) -> tuple[list[_Sample], list[str]]:
    """Random inputs with the module's outputs, and the paths of the convolutions that it calls."""
    import torch

    parameter = next(module.parameters(), None)
    device = parameter.device if parameter is not None else torch.device("cpu")
    generator = torch.Generator().manual_seed(0)
    samples = []
    called: list[str] = []
    hooks = [
        part.register_forward_pre_hook(lambda _, __, name=name: called.append(name))
        for name, part in module.named_modules()
        if isinstance(part, torch.nn.Conv2d)
    ]
    try:
        for count in _BATCHES:
            images = torch.randn(count, *shape, generator=generator).to(device)
            with torch.no_grad():
                found = module(images)
            samples.append(_Sample(images, _arrays(found)))
    except SwitchbackError:
        raise
    except Exception as error:
        raise SwitchbackError(
            f"the module fails for random images of {' x '.join(map(str, (count, *shape)))}: {cause(error)}."
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    return samples, list(dict.fromkeys(called))


def _arrays(output: Any) -> list[npt.NDArray[Any]]:
    """A module's output or outputs, in the order in which they are exported."""
    import torch

    values = list(output.values()) if isinstance(output, Mapping) else output
    values = [values] if isinstance(values, torch.Tensor) else values
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, torch.Tensor) for value in values):
        raise SwitchbackError(
            f"the module returns a {type(output).__name__} that holds something other than tensors. Wrap it "
            "in a module whose forward returns a tensor, as the scores of classes, or a tuple of tensors."
        )
    arrays = [value.detach().cpu().numpy() for value in values]
    if not all(np.isfinite(array).all() for array in arrays):
        raise SwitchbackError(
            "the module's output for random images is not finite: its weights are damaged, or were never "
            "trained."
        )
    return arrays


def _checked_classes(classes: Sequence[str], output: npt.NDArray[Any]) -> list[str]:
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        raise SwitchbackError("classes= is a list of names, as weights.meta['categories'].")
    scores = output.shape[1] if output.ndim > 1 else 0
    if len(classes) != scores:
        raise SwitchbackError(
            f"there are {len(classes)} names of classes, and the first output has {scores} scores."
        )
    return list(classes)


@contextlib.contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    """A temporary folder on the disk of the file that is to be moved out of it."""
    if target.is_dir():
        raise SwitchbackError(f"{target} is a folder: name a file, as {target / 'model.onnx'}.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise SwitchbackError(f"{target} cannot be written: {error.strerror}. Name another place.") from error
    try:
        yield folder
    except OSError as error:
        raise SwitchbackError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _annotate(file: Path, metadata: dict[str, str]) -> list[str]:
    """Writes the metadata into the file.

    Returns:
        The names of its outputs.
    """
    import onnx

    model: onnx.ModelProto = onnx.load(str(file), load_external_data=False)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    for node in [*model.graph.node, *(node for function in model.functions for node in function.node)]:
        # The lines of the caller's program would make another file of the same module, and tell its paths.
        kept = [entry for entry in node.metadata_props if entry.key != "pkg.torch.onnx.stack_trace"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(model, str(file))
    return [output.name for output in model.graph.output]


def _ask(file: Path, *arguments: str | Path) -> str:
    """Runs the command on the exported file, and says so where it fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SwitchbackWarning)
            return run([arguments[0], file, *arguments[1:]])
    except SwitchbackError as error:
        message = str(error).replace(f"{file.parent}{os.sep}", "")
        raise SwitchbackError(
            f"switchback cannot run what PyTorch exported: {message}", error.command, error.exit_code
        ) from error


def _check_outputs(file: Path, names: list[str], samples: list[_Sample], tolerance: float) -> None:
    """Compares the file's outputs, as the command computes them, with the module's."""
    for sample in samples:
        with tempfile.TemporaryDirectory() as folder:
            given, found = Path(folder, "input.safetensors"), Path(folder, "output.safetensors")
            save_file({INPUT: np.ascontiguousarray(sample.images.cpu().numpy())}, given)
            _ask(file, "run", "--input", given, "--output", found)
            values = load_file(found)
        for name, expected in zip(names, sample.outputs, strict=True):
            _compare(name, values.get(name), expected, tolerance)


def _compare(name: str, found: npt.NDArray[Any] | None, expected: npt.NDArray[Any], tolerance: float) -> None:
    if found is None or found.shape != expected.shape:
        shape = "absent" if found is None else " x ".join(map(str, found.shape))
        raise SwitchbackError(
            f"the file's output '{name}' is {shape} where the module's is "
            f"{' x '.join(map(str, expected.shape))}. The module reshapes by a number of images that it "
            "took as fixed: write x.shape[0] or -1 for that number."
        )
    largest = float(np.abs(expected).max(initial=0))
    difference = float(np.abs(found - expected).max(initial=0))
    # A NaN is greater than nothing, and not allowed either.
    if not difference <= tolerance * largest:
        raise SwitchbackError(
            f"the file's output '{name}' differs from the module's by {difference:.3g} where the largest "
            f"value is {largest:.3g}, and {tolerance:g} of that is allowed. Report it with the module; "
            "tolerance= allows more."
        )


def _check_names(file: Path, convolutions: list[str]) -> None:
    """Warns of convolutions that are no layer under their module's path."""
    layers = json.loads(_ask(file, "inspect", "--json"))["layers"]
    names = {name for layer in layers for name in (layer["name"], *layer.get("aliases", []))}
    lost = [path for path in convolutions if path not in names]
    if lost:
        warnings.warn(
            f"{len(lost)} of {len(convolutions)} convolutions are not found by the paths of their modules, "
            f"as {', '.join(lost[:3])}: PyTorch's exporter merged them with others. switchback.inspect "
            "lists the layers.",
            SwitchbackWarning,
            stacklevel=3,
        )
