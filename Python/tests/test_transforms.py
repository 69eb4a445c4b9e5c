import numpy as np
import pytest

import switchback
from switchback._transforms import preprocessing

torch = pytest.importorskip("torch", reason="skipped: torch is not installed")
torchvision = pytest.importorskip("torchvision", reason="skipped: torchvision is not installed")

from torchvision.transforms import v2  # noqa: E402

v1 = torchvision.transforms
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
IMAGENET = {
    "resize": {"shorterSide": 256, "interpolation": "bilinear"},
    "crop": {"center": 224},
    "rounding": "even",
    "channels": "RGB",
    "scale": 1 / 255,
    "mean": MEAN,
    "std": STD,
}
FLOAT = v2.ToDtype(torch.float32, scale=True)
BICUBIC = v1.InterpolationMode.BICUBIC


@pytest.mark.parametrize(
    "transform",
    [
        torchvision.models.ResNet18_Weights.DEFAULT.transforms(),
        v1.Compose([v1.Resize(256), v1.CenterCrop(224), v1.ToTensor(), v1.Normalize(MEAN, STD)]),
        v1.Compose(
            [v1.Compose([v1.Resize([256]), v1.CenterCrop([224])]), v1.ToTensor(), v1.Normalize(MEAN, STD)]
        ),
        v1.Compose(
            [v1.Resize(256, antialias=False), v1.CenterCrop(224), v1.ToTensor(), v1.Normalize(MEAN, STD)]
        ),
        v2.Compose([v2.ToImage(), v2.Resize(256), v2.CenterCrop(224), FLOAT, v2.Normalize(MEAN, STD)]),
        v2.Compose([v2.PILToTensor(), FLOAT, v2.Resize(256), v2.Normalize(MEAN, STD), v2.CenterCrop(224)]),
        torch.nn.Sequential(
            v2.PILToTensor(), v2.Resize(256), v2.CenterCrop(224), FLOAT, v2.Normalize(MEAN, STD)
        ),
        dict(IMAGENET),
    ],
)
def test_imagenets_preprocessing_in_several_words(transform):
    assert preprocessing(transform) == IMAGENET


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([v1.Resize((32, 48)), v1.PILToTensor()], {"scale": 1, "resize": {"rows": 32, "columns": 48}}),
        (
            [v1.Resize(32, BICUBIC), v1.ToTensor()],
            {"resize": {"shorterSide": 32, "interpolation": "bicubic"}},
        ),
        (
            [v2.PILToTensor(), v2.Resize(32, antialias=False), FLOAT],
            {"scale": 1 / 255, "resize": {"antialias": False}},
        ),
        ([v2.PILToTensor(), v2.ToDtype(torch.float32), FLOAT], {"scale": 1}),
        ([v2.PILToTensor(), v1.ConvertImageDtype(torch.float32)], {"scale": 1 / 255}),
        ([FLOAT, v1.PILToTensor()], {"scale": 1}),
        (
            [v1.ToTensor(), FLOAT, v1.Normalize(0.5, 0.25)],
            {"scale": 1 / 255, "mean": [0.5] * 3, "std": [0.25] * 3},
        ),
        ([v1.Grayscale(), v1.ToTensor(), v1.Normalize([0.5], [0.25])], {"channels": "GRAY", "mean": [0.5]}),
    ],
)
def test_steps_of_torchvision(steps, expected):
    found = preprocessing(v2.Compose(steps))
    resize = expected.pop("resize", {})
    assert expected.items() <= found.items()
    assert resize.items() <= found.get("resize", {}).items()


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([v1.Lambda(lambda image: image)], "Lambda.*no key for what torchvision's Lambda does"),
        ([lambda image: image], "may do anything"),
        ([v1.RandomCrop(20)], "RandomCrop"),
        ([v1.RandomApply([v1.CenterCrop(20)])], "RandomApply"),
        ([v1.RandomChoice([v1.CenterCrop(20)])], "RandomChoice"),
        ([v1.Pad(3)], "Pad"),
        ([v1.CenterCrop((20, 30))], "20 x 30 pixels, and a crop is a square"),
        ([v1.Resize(256), v1.CenterCrop(300)], "cuts 300 pixels where the shorter side has 256, and pads"),
        ([v1.Resize((400, 200)), v1.CenterCrop(300)], "shorter side has 200"),
        ([v1.Resize(64), v1.Resize(32)], "second time"),
        ([v1.CenterCrop(64), v1.Resize(32)], "after the crop"),
        ([v1.CenterCrop(64), v1.CenterCrop(32)], "crops a second time"),
        ([v1.Resize(64, max_size=100)], "max_size"),
        ([v1.Resize(64, v1.InterpolationMode.HAMMING)], "hamming"),
        ([v1.PILToTensor(), v1.Resize(64, v1.InterpolationMode.NEAREST)], "'nearest' of such a tensor"),
        ([v1.PILToTensor(), v1.Resize(64, BICUBIC, antialias=False)], "'bicubic' of such a tensor"),
        ([v1.ToTensor(), v1.Resize(64, BICUBIC)], "'bicubic' of such a tensor"),
        ([v1.Grayscale(3)], "three equal channels"),
        ([v1.Grayscale(), v1.ToTensor(), v1.Normalize(MEAN, STD)], "3 numbers, and images have 1 channels"),
        ([v1.ToTensor(), v1.Normalize(0.5, 0.5), v1.Normalize(0.5, 0.5)], "normalizes a second time"),
        ([v1.ToTensor(), v1.ConvertImageDtype(torch.float16)], "float16"),
    ],
)
def test_what_a_file_cannot_say_is_refused_by_name(steps, words):
    with pytest.raises(switchback.SwitchbackError, match=words):
        preprocessing(v1.Compose([*steps, v1.ToTensor()]))


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (torchvision.models.ResNet18_Weights.DEFAULT, r"weights\.transforms\(\)"),
        (torchvision.models.ResNet18_Weights.DEFAULT.transforms, r"weights\.transforms\(\)"),
        (v1.ToTensor, "is not a transform"),
        (v1.Compose([v1.Resize(32), v1.CenterCrop(32)]), r"ends with an image.*ToTensor"),
        ({"crop_size": 3}, "dictionary with the keys crop_size"),
        ({}, "dictionary"),
    ],
)
def test_what_is_no_transform_is_told(transform, words):
    with pytest.raises(switchback.SwitchbackError, match=words):
        preprocessing(transform)


def test_timm():
    timm = pytest.importorskip("timm", reason="skipped: timm is not installed")
    configuration = {
        "input_size": (3, 192, 192),
        "interpolation": "bicubic",
        "mean": (0.5, 0.5, 0.5),
        "std": (0.25, 0.25, 0.25),
        "crop_pct": 0.95,
        "crop_mode": "center",
    }
    found = preprocessing(configuration)
    assert found == {
        "resize": {"shorterSide": 202, "interpolation": "bicubic"},
        "crop": {"center": 192},
        "rounding": "even",
        "channels": "RGB",
        "scale": 1 / 255,
        "mean": [0.5] * 3,
        "std": [0.25] * 3,
    }
    assert preprocessing(timm.data.create_transform(**configuration)) == found
    squashed = preprocessing({**configuration, "crop_mode": "squash"})
    assert squashed["resize"] == {"rows": 202, "columns": 202, "interpolation": "bicubic"}
    assert preprocessing(timm.data.create_transform(64, normalize=False))["scale"] == 1
    for change, words in {"border": "ResizeKeepRatio", "center": "RandomResizedCrop"}.items():
        transform = timm.data.create_transform(
            **{**configuration, "crop_mode": change}, is_training=change == "center"
        )
        with pytest.raises(switchback.SwitchbackError, match=words):
            preprocessing(transform)


def test_albumentations():
    a = pytest.importorskip("albumentations", reason="skipped: albumentations is not installed")
    tail = [a.CenterCrop(96, 96), a.Normalize(MEAN, STD), a.pytorch.ToTensorV2()]
    found = preprocessing(a.Compose([a.Resize(120, 140), *tail]))
    assert found == {
        "resize": {"rows": 120, "columns": 140, "interpolation": "bilinear", "antialias": False},
        "crop": {"center": 96},
        "rounding": "down",
        "channels": "RGB",
        "scale": 1 / 255,
        "mean": MEAN,
        "std": STD,
    }
    assert preprocessing(a.Compose([a.ToFloat(max_value=51)]))["scale"] == 1 / 51
    for step, words in [
        (a.HorizontalFlip(), "HorizontalFlip"),
        (a.OneOf([a.Resize(120, 140)]), "OneOf"),
        (a.Sequential([a.Resize(120, 140)]), r"probability of 0\.5"),
        (a.Resize(120, 140, p=0.5), r"probability of 0\.5"),
        (a.Resize(120, 140, interpolation=2), "INTER_LINEAR and INTER_NEAREST_EXACT"),
        (a.Resize(120, 140, area_for_downscale="image"), "averages areas"),
        (a.SmallestMaxSize(120), "SmallestMaxSize"),
        (a.Resize(90, 140), "shorter side has 90"),
    ]:
        with pytest.raises(switchback.SwitchbackError, match=words):
            preprocessing(a.Compose([step, *tail]))
    with pytest.raises(switchback.SwitchbackError, match="its own values"):
        preprocessing(a.Compose([a.Normalize(normalization="image")]))


class Mean(torch.nn.Module):
    """Its score is the input's mean, so that the gradient times the input is the input, over its size."""

    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 1, 1, bias=False)
        self.classifier = torch.nn.Linear(1, 2, bias=False)
        for weight in self.parameters():
            torch.nn.init.ones_(weight)

    def forward(self, images):
        return self.classifier(self.convolution(images).mean((2, 3)).flatten(1))


def test_the_command_prepares_what_the_transform_prepares(tmp_path):
    pytest.importorskip("onnxscript", reason="skipped: onnxscript is not installed")
    from PIL import Image

    # 61 of 84 columns: the crop begins at 11.5, which torchvision rounds to 12; and of 97 rows at 18.
    transform = v1.Compose([v1.Resize((97, 84)), v1.CenterCrop(61), v1.ToTensor(), v1.Normalize(MEAN, STD)])
    path = switchback.export(Mean().eval(), tmp_path / "mean.onnx", transform=transform)
    levels = np.random.default_rng(0).integers(0, 256, (131, 203, 3), dtype=np.uint8)
    image = Image.fromarray(levels)
    image.save(tmp_path / "noise.png")
    options = {"out": tmp_path / "run", "method": "input-x-gradient", "quiet": True, "class": 0}
    run = switchback.explain(path, tmp_path / "noise.png", **options)
    (found,) = run.arrays.values()
    expected = transform(image).permute(1, 2, 0).numpy()
    assert np.abs((found * 61 * 61 - expected) * STD * 255).max() <= 2.001
