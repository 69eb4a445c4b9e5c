"""What a torchvision, timm or albumentations transform does, in the words of `switchback.preprocessing`."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from ._command import SwitchbackError

Preprocessing = dict[str, Any]

_KEYS = ("resize", "crop", "rounding", "channels", "scale", "mean", "std")
# Pillow's filters, by torchvision's names.
_PILLOW = {
    "nearest": "nearest",
    "nearest-exact": "nearest",
    "bilinear": "bilinear",
    "bicubic": "bicubic",
    "lanczos": "lanczos",
}
# OpenCV's numbers of INTER_LINEAR and INTER_NEAREST_EXACT. Its other filters differ from Pillow's.
_OPENCV = {1: "bilinear", 6: "nearest"}


def preprocessing(transform: Any) -> Preprocessing:
    """The preprocessing that a transform performs, as the values of `switchback.preprocessing`.

    Args:
        transform: A torchvision transform (`Compose` of either version, or a weights' `transforms()`), timm's
            `create_transform(...)` or its data configuration, an albumentations `Compose`, or a dictionary of
            the keys of `switchback.preprocessing`. Images are those that Pillow opens, or arrays in RGB.

    Returns:
        The keys `channels` and `scale`, and `resize`, `crop`, `rounding`, `mean` and `std` where it has them.

    Raises:
        SwitchbackError: The file format has no word for a step; the message names the step.
    """
    if isinstance(transform, Mapping):
        if transform and set(transform) <= set(_KEYS):
            return dict(transform)
        transform = _timm_transform(transform)
    if isinstance(transform, (type, functools.partial)) or not callable(transform):
        raise SwitchbackError(
            f"{_text(transform)} is not a transform. torchvision's weights have one: weights.transforms()."
        )
    state = _State()
    for step in _steps(transform):
        _read(step, state)
    return state.preprocessing()


class _State:
    """What the steps so far make of an image: value = (level * scale - mean) / std, of levels of 0...255."""

    def __init__(self) -> None:
        self.resize: dict[str, Any] | None = None
        self.crop: int | None = None
        self.rounding = "down"
        self.is_tensor = False
        self.is_float = False
        self.channels = "RGB"
        self.scale = 1.0
        self.mean: list[float] | None = None
        self.std: list[float] | None = None

    def preprocessing(self) -> Preprocessing:
        if not self.is_tensor:
            raise SwitchbackError(
                "the transform ends with an image, which no network takes: add ToTensor() to it, or what "
                "makes the tensor of a batch in your program."
            )
        found: Preprocessing = {"channels": self.channels, "scale": self.scale}
        if self.resize:
            found["resize"] = self.resize
        if self.crop:
            found |= {"crop": {"center": self.crop}, "rounding": self.rounding}
        if self.mean is not None and self.std is not None:
            found |= {"mean": self.mean, "std": self.std}
        return found

    def change_size(self, step: Any, **how: Any) -> None:
        if self.resize or self.crop or self.mean is not None:
            _refuse(step, "it resizes a second time, or after the crop or the normalization")
        self.resize = how

    def cut(self, step: Any, sides: Sequence[int], rounding: str) -> None:
        rows, columns = sides
        if rows != columns:
            _refuse(step, f"it cuts {rows} x {columns} pixels, and a crop is a square")
        if self.crop:
            _refuse(step, "it crops a second time")
        resize = self.resize or {}
        shorter = resize.get("shorterSide") or min(resize.get("rows", rows), resize.get("columns", rows))
        if shorter < rows:
            _refuse(step, f"it cuts {rows} pixels where the shorter side has {shorter}, and pads the rest")
        self.crop, self.rounding = rows, rounding

    def normalize(self, step: Any, mean: Any, std: Any) -> None:
        if self.mean is not None:
            _refuse(step, "it normalizes a second time")
        count = 1 if self.channels == "GRAY" else 3
        numbers = []
        for given in (mean, std):
            values = given.flatten().tolist() if hasattr(given, "flatten") else given
            values = [float(value) for value in values] if isinstance(values, Sequence) else [float(values)]
            if len(values) not in (1, count):
                _refuse(step, f"it has {len(values)} numbers, and images have {count} channels there")
            numbers.append(values * count if len(values) == 1 else values)
        self.mean, self.std = numbers


def _refuse(step: Any, reason: str) -> NoReturn:
    raise SwitchbackError(
        f"the transform's step {_text(step)} cannot be written into the model file: {reason}. A file can "
        "say a resize (nearest, bilinear, bicubic or lanczos), a square centre crop, grey or RGB, a scale, "
        "a mean and a standard deviation. Export with a transform of such steps, with a dictionary of the "
        "keys that README.md describes under Preprocessing, or without transform= and give the command "
        "--resize, --crop, --mean and --std."
    )


def _text(step: Any) -> str:
    text = " ".join(repr(step).split())
    return text if len(text) <= 80 else getattr(step, "__name__", type(step).__name__)


def _library(step: Any) -> str:
    return type(step).__module__.split(".")[0]


def _steps(transform: Any) -> list[Any]:
    """The steps of a `Compose` or `nn.Sequential`, with those of any within it; else the transform itself."""
    kind = (_library(transform), type(transform).__name__)
    if kind in (("torchvision", "Compose"), ("albumentations", "Compose"), ("albumentations", "Sequential")):
        _require_certain(transform)
        inner = transform.transforms
    elif kind == ("torch", "Sequential"):
        inner = transform
    else:
        return [transform]
    return [step for part in inner for step in _steps(part)]


def _require_certain(step: Any) -> None:
    """Refuses an albumentations step that is left out at random."""
    if getattr(step, "p", 1) != 1:
        _refuse(step, f"it is applied with a probability of {step.p}")


def _read(step: Any, state: _State) -> None:
    library, name = _library(step), type(step).__name__
    reader = _READERS.get((library, name))
    if reader is None:
        known = library in {library for library, _ in _READERS}
        _refuse(step, f"there is no key for what {library}'s {name} does" if known else "it may do anything")
    _require_certain(step)
    reader(step, state)


def _skip(step: Any, state: _State) -> None:
    """A step that changes no value."""


# torchvision and timm


def _sides(size: Any) -> list[int]:
    return [int(size)] if isinstance(size, int) else [int(side) for side in size]


def _read_resize(step: Any, state: _State) -> None:
    if getattr(step, "max_size", None) is not None:
        _refuse(step, "it has a max_size")
    _resize(step, state, step.size, getattr(step, "antialias", True))


def _resize(step: Any, state: _State, size: Any, antialias: bool | None) -> None:
    name = str(getattr(step.interpolation, "value", step.interpolation))
    if name not in _PILLOW:
        _refuse(step, f"the interpolation '{name}' is not one of them")
    how: dict[str, Any] = {"interpolation": _PILLOW[name]}
    # Images that are no tensors yet are resized by Pillow, which antialiases whatever torchvision was told.
    if state.is_tensor:
        # Bicubic overshoots, and levels, unlike floats, are cut to 0...255.
        is_alike = name == "bilinear" or (name == "bicubic" and antialias and not state.is_float)
        if not is_alike:
            _refuse(step, f"'{name}' of such a tensor is another than that of an image: resize first")
        if not antialias:
            how["antialias"] = False
    sides = _sides(size)
    if len(sides) == 1:
        state.change_size(step, shorterSide=sides[0], **how)
    else:
        state.change_size(step, rows=sides[0], columns=sides[1], **how)


def _cut(step: Any, state: _State, size: Any) -> None:
    sides = _sides(size)
    # Python's round() takes a half to the even number.
    state.cut(step, sides * 2 if len(sides) == 1 else sides, "even")


def _read_center_crop(step: Any, state: _State) -> None:
    _cut(step, state, step.size)


def _read_to_tensor(step: Any, state: _State) -> None:
    if not state.is_tensor:
        state.scale = 1 / 255
        state.is_tensor = state.is_float = True


def _read_to_levels(step: Any, state: _State) -> None:
    state.is_tensor = True


def _read_timm_to_tensor(step: Any, state: _State) -> None:
    _require_float32(step)
    state.is_tensor = state.is_float = True


def _require_float32(step: Any) -> None:
    if str(step.dtype) != "torch.float32":
        _refuse(step, f"it makes {step.dtype}, and the file computes with float32")


def _read_to_dtype(step: Any, state: _State) -> None:
    keeps_levels = str(step.dtype) == "torch.uint8" and not state.is_float
    # Neither images that are no tensors nor levels that are levels already are changed.
    if not state.is_tensor or keeps_levels:
        return
    _require_float32(step)
    # ConvertImageDtype, the older name, always scales.
    if getattr(step, "scale", True) and not state.is_float:
        state.scale = 1 / 255
    state.is_float = True


def _read_normalize(step: Any, state: _State) -> None:
    state.normalize(step, step.mean, step.std)


def _read_grey(step: Any, state: _State) -> None:
    if int(step.num_output_channels) != 1:
        _refuse(step, "it makes three equal channels")
    if state.mean is not None:
        _refuse(step, "it comes after the normalization")
    state.channels = "GRAY"


def _read_classification(step: Any, state: _State) -> None:
    """The transform that torchvision's weights of classifiers have."""
    _resize(step, state, step.resize_size, step.antialias)
    _cut(step, state, step.crop_size)
    state.scale = 1 / 255
    state.is_tensor = state.is_float = True
    state.normalize(step, step.mean, step.std)


def _timm_transform(configuration: Mapping[Any, Any]) -> Any:
    if "input_size" not in configuration:
        raise SwitchbackError(
            f"transform= is a dictionary with the keys {', '.join(map(str, configuration))}. Give timm's "
            "data configuration (timm.data.resolve_model_data_config(model)), or a dictionary of the keys "
            f"{', '.join(_KEYS)}."
        )
    try:
        from timm.data import create_transform
    except ImportError:
        raise SwitchbackError("a timm data configuration is read by timm: pip install timm.") from None
    try:
        return create_transform(**{**configuration, "is_training": False})
    except TypeError as error:
        raise SwitchbackError(f"timm makes no transform of its data configuration: {error}.") from error


# albumentations


def _read_albumentations_resize(step: Any, state: _State) -> None:
    if step.interpolation not in _OPENCV:
        _refuse(step, "of OpenCV's interpolations a file can say INTER_LINEAR and INTER_NEAREST_EXACT")
    if getattr(step, "area_for_downscale", None):
        _refuse(step, "it averages areas when shrinking")
    state.change_size(
        step,
        rows=int(step.height),
        columns=int(step.width),
        interpolation=_OPENCV[step.interpolation],
        antialias=False,
    )


def _read_albumentations_crop(step: Any, state: _State) -> None:
    state.cut(step, (int(step.height), int(step.width)), "down")


def _read_albumentations_normalize(step: Any, state: _State) -> None:
    if getattr(step, "normalization", "standard") != "standard":
        _refuse(step, f"it normalizes each image by its own values ('{step.normalization}')")
    state.is_tensor = True
    state.scale /= float(step.max_pixel_value)
    state.normalize(step, step.mean, step.std)


def _read_albumentations_float(step: Any, state: _State) -> None:
    state.is_tensor = True
    state.scale /= float(step.max_value or 255)


_READERS: dict[tuple[str, str], Callable[[Any, _State], None]] = {
    ("torchvision", "ImageClassification"): _read_classification,
    ("torchvision", "Resize"): _read_resize,
    ("torchvision", "CenterCrop"): _read_center_crop,
    ("torchvision", "ToTensor"): _read_to_tensor,
    ("torchvision", "PILToTensor"): _read_to_levels,
    ("torchvision", "ToImage"): _read_to_levels,
    ("torchvision", "ToPureTensor"): _skip,
    ("torchvision", "Identity"): _skip,
    ("torchvision", "RGB"): _skip,
    ("torchvision", "ToDtype"): _read_to_dtype,
    ("torchvision", "ConvertImageDtype"): _read_to_dtype,
    ("torchvision", "Normalize"): _read_normalize,
    ("torchvision", "Grayscale"): _read_grey,
    ("torch", "Identity"): _skip,
    ("timm", "MaybeToTensor"): _read_to_tensor,
    ("timm", "MaybePILToTensor"): _read_to_levels,
    ("timm", "ToTensor"): _read_timm_to_tensor,
    ("albumentations", "Resize"): _read_albumentations_resize,
    ("albumentations", "CenterCrop"): _read_albumentations_crop,
    ("albumentations", "Normalize"): _read_albumentations_normalize,
    ("albumentations", "ToFloat"): _read_albumentations_float,
    ("albumentations", "ToTensorV2"): _read_to_levels,
}
