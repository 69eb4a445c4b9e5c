"""The command's studies as functions: each returns its `Run`."""

import filecmp
import json
import os
import tempfile
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, cast

from ._command import SwitchbackError, run
from ._run import Run

if TYPE_CHECKING:
    import torch

PathText = Union[str, "os.PathLike[str]"]
Model = Union[str, "os.PathLike[str]", "torch.nn.Module"]
Names = str | Sequence[str]
Numbers = str | int | Sequence[int]
Size = str | int | Sequence[int]


def _study(command: str, inputs: Sequence[PathText], out: PathText, options: dict[str, Any]) -> Run:
    for input in inputs:
        _check_path(input)
    run([command, *inputs, "--out", out, *_words(options)])
    return Run(out)


def _check_path(input: object) -> None:
    if not isinstance(input, (str, os.PathLike)):
        raise SwitchbackError(
            f"a {type(input).__name__} is no path. Images are a folder, a file or a data set as "
            f'"imagenet:PATH": of '
            "single images make a folder of links."
        )


def _words(options: dict[str, Any]) -> list[str]:
    """Options as the command takes them.

    `per_class=5` is `--per-class=5`, `class_` is `--class`, and a list is joined by commas. True is the
    flag, False its `--no-` form, and None leaves the option out.
    """
    words: list[str] = []
    for name, value in options.items():
        flag = "--" + name.rstrip("_").replace("_", "-")
        if value is None:
            continue
        if value is True:
            words.append(flag)
        elif value is False:
            words.append("--no-" + flag[2:])
        elif isinstance(value, (str, Real, os.PathLike)):
            words.append(f"{flag}={os.fspath(value) if isinstance(value, os.PathLike) else value}")
        elif isinstance(value, Sequence):
            words.append(f"{flag}={','.join(map(str, value))}")
        else:
            raise SwitchbackError(
                f"{name} is {value!r}, which no option takes. Give a text, a number, a list of them, or "
                f"True or False."
            )
    return words


def _sides(size: Size | None) -> tuple[int, int] | None:
    """Rows and columns of a network's input, of which a square needs one."""
    if size is None:
        return None
    sides = size.split("x") if isinstance(size, str) else [size] * 2 if isinstance(size, int) else list(size)
    if len(sides) != 2 or not all(str(side).isdecimal() for side in sides):
        raise SwitchbackError(
            f"the input's size is {size!r}. Give rows and columns as (48, 320), or 224 for a square."
        )
    return int(sides[0]), int(sides[1])


def _model(
    model: Model, out: PathText, options: dict[str, Any], size: Size | None = None, flag: str = "size"
) -> PathText:
    """The model's file: its path, or that of a module exported to `OUT.onnx`.

    Takes `transform` and `classes`, which are of modules alone, out of the options, and puts the size of a
    file's input in.
    """
    given = {name: options.pop(name) for name in ("transform", "classes") if name in options}
    if isinstance(model, (str, os.PathLike)):
        for name, value in given.items():
            if value is not None:
                raise SwitchbackError(
                    f"{name} is for a PyTorch module, and {os.fspath(model)} is a file, which says its own. "
                    "Leave it out, or give the module."
                )
        sides = _sides(size)
        options[flag] = f"{sides[0]}x{sides[1]}" if sides else None
        return model
    return _exported(model, Path(out), given | {"size": _sides(size)})


def _exported(model: "torch.nn.Module", out: Path, options: dict[str, Any]) -> Path:
    """Exports a module to `OUT.onnx`, which is never replaced: a run may have been made of it."""
    from ._export import export

    file = out.parent / (out.name + ".onnx")
    if not file.exists():
        return export(model, file, **options)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        export(model, Path(folder) / file.name, **options)
        # Weights of more than 2 GB have a file of their own.
        for made in Path(folder).iterdir():
            kept = file.parent / made.name
            if not kept.exists() or not filecmp.cmp(made, kept, shallow=False):
                raise SwitchbackError(
                    f"{file} is another model than this module with its transform and classes. Choose "
                    f"another out, or "
                    f"delete {file}, and {out} with it."
                )
    return file


def features(
    model: Model,
    pictures: PathText,
    *,
    out: PathText,
    layers: Names | None = None,
    units: Numbers | None = None,
    top: int | None = None,
    rule: str | None = None,
    arrays: bool | None = None,
    size: Size | None = None,
    **options: Any,
) -> Run:
    """For every feature map its strongest images, each activation projected back to pixels (figure 2).

    Args:
        model: An ONNX file, or a PyTorch module, which is exported to `OUT.onnx`. With a module, `transform=`
            and `classes=` are those of `export`.
        pictures: A folder, a file or a data set, as `imagenet:PATH`.
        out: The run's folder. The same call resumes a run that was interrupted.
        layers: Names of layers, as `["layer1", "layer3.1.conv2"]`.
        units: The units projected: `"0..<64"`, `"all"` or a list.
        top: Images per unit.
        rule: How signals pass ReLUs on their way back: `"deconvnet"`, `"gradient"` or `"guided"`.
        arrays: Whether projections are kept as arrays.
        size: Rows and columns of the network's input, or a square's side, where the model leaves them open.
        **options: Any other option of the command: `threads=4` is `--threads 4`, `strict=True` is `--strict`,
            `class_="tabby"` is `--class tabby`. `switchback features --help` lists them.

    Returns:
        The run.

    Raises:
        SwitchbackError: Something is wrong with the model, the images or an option.
    """
    file = _model(model, out, options, size)
    main = {"layers": layers, "units": units, "top": top, "rule": rule, "arrays": arrays}
    return _study("features", [file, pictures], out, main | options)


def explain(
    model: Model,
    pictures: PathText,
    *,
    out: PathText,
    method: Names,
    class_: str | int | None = None,
    unit: str | None = None,
    size: Size | None = None,
    **options: Any,
) -> Run:
    """What in an image a class's score or a unit's activation rests on, by several methods.

    `method` is one name or several, as `["gradcam", "deeplift"]`. `class_` is `"auto"`, `"true"`, an index
    or a name; `unit="conv5:17"` explains a unit in its place. The other arguments are those of `features`;
    `switchback explain --help` describes methods and options.
    """
    file = _model(model, out, options, size)
    return _study(
        "explain", [file, pictures], out, {"method": method, "class_": class_, "unit": unit} | options
    )


def trust(
    model: Model,
    pictures: PathText,
    *,
    out: PathText,
    layers: Names | None = None,
    methods: Names | None = None,
    size: Size | None = None,
    **options: Any,
) -> Run:
    """How far projections show their units; with `methods`, how far attributions can be believed.

    The other arguments are those of `features`; `switchback trust --help` lists the options.
    """
    file = _model(model, out, options, size)
    return _study("trust", [file, pictures], out, {"layers": layers, "methods": methods} | options)


def why(
    features: Run | PathText,
    pictures: PathText,
    *,
    out: PathText,
    layers: Names | None = None,
    class_: str | int | None = None,
    units: int | None = None,
    **options: Any,
) -> Run:
    """The units that carry a decision, where in the image, and what each of them likes.

    `features` is a finished run. `units` is how many are shown of each layer; `switchback why --help` lists
    the options.
    """
    main = {"layers": layers, "class_": class_, "units": units}
    return _study("why", [_folder(features), pictures], out, main | options)


def occlude(
    model: Model,
    pictures: PathText,
    *,
    out: PathText,
    size: Numbers | None = None,
    stride: int | None = None,
    fill: str | None = None,
    class_: str | int | None = None,
    input_size: Size | None = None,
    **options: Any,
) -> Run:
    """How the output changes as a square covers each part of an image in turn (figure 7).

    `size` and `stride` are the square's, in pixels of the network's input; `input_size` is what `size` is in
    `features`. The other arguments are those of `features`; `switchback occlude --help` lists the options.
    """
    file = _model(model, out, options, input_size, "input_size")
    main = {"size": size, "stride": stride, "fill": fill, "class_": class_}
    return _study("occlude", [file, pictures], out, main | options)


def invariance(
    model: Model,
    pictures: PathText,
    *,
    out: PathText,
    layers: Names | None = None,
    changes: Names | None = None,
    limit: int | None = None,
    size: Size | None = None,
    **options: Any,
) -> Run:
    """How much features change when an image is translated, scaled, rotated or altered (figure 5).

    The first `limit` images are taken. The other arguments are those of `features`; `switchback invariance
    --help` lists changes and options.
    """
    file = _model(model, out, options, size)
    main = {"layers": layers, "changes": changes, "limit": limit}
    return _study("invariance", [file, pictures], out, main | options)


def correspond(
    model: Model,
    *,
    parts: PathText,
    out: PathText,
    layers: Names | None = None,
    draws: int | None = None,
    size: Size | None = None,
    **options: Any,
) -> Run:
    """Whether a network relates the same object part in different images (figure 8).

    `parts` is a JSON file of boxes, or a data set that annotates parts; `switchback correspond --help` shows
    the file and lists the options.
    """
    file = _model(model, out, options, size)
    return _study("correspond", [file], out, {"parts": parts, "layers": layers, "draws": draws} | options)


def diagnose(
    models: Model | Sequence[PathText],
    pictures: PathText,
    *,
    out: PathText,
    size: Size | None = None,
    **options: Any,
) -> Run:
    """Dead, duplicate and aliased features of one network, or of several files, with remedies.

    The other arguments are those of `features`; `switchback diagnose --help` lists the options.
    """
    several = models if isinstance(models, (list, tuple)) else [models]
    if len(several) > 1:
        for model in several:
            _check_path(model)
    files = [_model(model, out, options, size) for model in several]
    return _study("diagnose", [*files, pictures], out, options)


def transfer(
    model: Model,
    pictures: PathText,
    *,
    out: PathText,
    layers: Names | None = None,
    per_class: Numbers | None = None,
    folds: int | None = None,
    size: Size | None = None,
    **options: Any,
) -> Run:
    """Linear classifiers on each layer's features, for other images (figure 9, table 7).

    `per_class` is the number of training images of each class. The other arguments are those of `features`;
    `switchback transfer --help` lists the options.
    """
    file = _model(model, out, options, size)
    main = {"layers": layers, "per_class": per_class, "folds": folds}
    return _study("transfer", [file, pictures], out, main | options)


def train(
    pictures: PathText,
    *,
    out: PathText,
    arch: str | None = None,
    input: int | None = None,
    width: float | None = None,
    epochs: int | None = None,
    batch: int | None = None,
    **options: Any,
) -> Run:
    """Trains AlexNet, ZFNet or a variant of them; each epoch's network is in `OUT/models`.

    `switchback train --help` lists the options of the network, the recipe and the data.
    """
    main = {"arch": arch, "input": input, "width": width, "epochs": epochs, "batch": batch}
    return _study("train", [pictures], out, main | options)


def evolve(
    trained: Run | PathText,
    *,
    out: PathText | None = None,
    layers: Names | None = None,
    epochs: Numbers | None = None,
    units: int | None = None,
    **options: Any,
) -> Run:
    """How features change over the epochs of a run of `train` (figure 4).

    `out` is `TRAINED/evolution` by default, and `units` the number of random units of each layer;
    `switchback evolve --help` lists the options.
    """
    path = _folder(trained)
    main = {"layers": layers, "epochs": epochs, "units": units}
    return _study("evolve", [path], out or path / "evolution", main | options)


def ablate(specification: PathText, *, out: PathText, **options: Any) -> Run:
    """How much each layer contributes: trains the variants of a network that a YAML file specifies (table 3).

    `switchback ablate --help` shows the file and lists the options.
    """
    return _study("ablate", [specification], out, options)


def audit(
    training: PathText,
    test: PathText,
    *,
    out: PathText,
    threshold: float | None = None,
    mirrored: bool = False,
    **options: Any,
) -> Run:
    """Near-duplicate images in two data sets; `switchback audit --help` lists the options."""
    return _study(
        "audit", [training, test], out, {"threshold": threshold, "mirrored": mirrored or None} | options
    )


def merge(parts: Sequence[Run | PathText], *, out: PathText, **options: Any) -> Run:
    """Joins the parts of a job that were performed with `shard="1/8"` and so on."""
    return _study("merge", [_folder(part) for part in parts], out, options)


def demo(*, out: PathText, quick: bool = False, **options: Any) -> Run:
    """Trains a small network on generated images and runs every visualization on it: about four minutes."""
    return _study("demo", [], out, {"quick": quick or None} | options)


def inspect(model: Model, *, size: Size | None = None, **options: Any) -> dict[str, Any]:
    """A network's layers: shapes, parameters, multiply-accumulates, receptive fields."""
    with tempfile.TemporaryDirectory() as folder:
        file = _model(model, Path(folder) / "model", options, size)
        return cast("dict[str, Any]", json.loads(run(["inspect", file, "--json", *_words(options)])))


def classify(
    model: Model,
    pictures: PathText,
    *,
    top: int | None = None,
    ensemble: Sequence[PathText] = (),
    size: Size | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """For each image its `top` most probable classes.

    Probabilities are averaged over the model and the networks of `ensemble`. The other arguments are those of
    `features`; `switchback classify --help` lists the options.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = _model(model, Path(folder) / "model", options, size)
        others = ["--ensemble", *ensemble] if ensemble else []
        words = ["classify", file, pictures, "--json", *_words({"top": top} | options), *others]
        return cast("list[dict[str, Any]]", json.loads(run(words))["pictures"])


def _folder(run: Run | PathText) -> Path:
    return run.path if isinstance(run, Run) else Path(run)
