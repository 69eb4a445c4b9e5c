import copy
import importlib.util
import json
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import switchback
from switchback._command import run

torch = pytest.importorskip("torch", reason="skipped: torch is not installed")
onnx = pytest.importorskip("onnx", reason="skipped: onnx is not installed")
pytest.importorskip("onnxscript", reason="skipped: onnxscript is not installed")


class Block(torch.nn.Module):
    def __init__(self, units):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(units, units, 3, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(units)
        self.conv2 = torch.nn.Conv2d(units, units, 3, padding=1)

    def forward(self, x):
        return torch.relu(x + self.conv2(torch.relu(self.bn1(self.conv1(x)))))


class Small(torch.nn.Module):
    """Two residual blocks; `change` is what else its forward does to the images."""

    def __init__(self, channels=3, classes=5, change=None):
        super().__init__()
        self.change = change or torch.nn.Identity()
        self.stem = torch.nn.Conv2d(channels, 8, 5, stride=2, padding=2)
        self.layer1 = torch.nn.Sequential(Block(8), Block(8))
        self.auxiliary = torch.nn.Conv2d(8, 8, 1)
        self.drop = torch.nn.Dropout(0.5)
        self.fc = torch.nn.Linear(8, classes)

    def forward(self, x):
        x = self.layer1(self.stem(self.change(x)))
        if self.training:
            x = self.auxiliary(x)
        return self.fc(self.drop(x.mean((2, 3))))


class Singular(torch.nn.Module):
    """Computes what has no operator of ONNX."""

    def forward(self, x):
        return x * torch.linalg.svdvals(x)[..., None, :1]


class Random(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.dropout(x, 0.5, training=True)


class Branch(torch.nn.Module):
    """Decides by a value, which PyTorch's newer exporter refuses and its older one fixes."""

    def __init__(self, threshold):
        super().__init__()
        self.threshold = threshold

    def forward(self, x):
        return x * 2 if x.flatten()[0] > self.threshold else x


class FixedCount(torch.nn.Module):
    """Adds as many rows as there were images when it was exported."""

    def __init__(self):
        super().__init__()
        self.branch = Branch(-100)

    def forward(self, x):
        return self.branch(x).mean((2, 3)) + torch.zeros(len(x), 3)


class TwoInputs(Small):
    def forward(self, x, y):
        return super().forward(x) + y


class Words(Small):
    def forward(self, x):
        return super().forward(x), "done"


class Pair(Small):
    order = ("scores", "map")

    def forward(self, x):
        found = {"scores": super().forward(x), "map": self.stem(x)}
        return {name: found[name] for name in self.order}


CONVOLUTIONS = {"stem", *(f"layer1.{block}.conv{number}" for block in (0, 1) for number in (1, 2))}


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(3)
    model = Small()
    # Statistics other than 0 and 1, which folding could leave out unnoticed.
    model.train()(torch.randn(16, 3, 32, 32))
    return model.eval()


def names(path):
    return {layer["name"] for layer in switchback.inspect(path)["layers"] if layer["operation"] == "Conv"}


def metadata(path):
    return {entry.key: entry.value for entry in onnx.load(path, load_external_data=False).metadata_props}


def test_names_classes_and_preprocessing_are_in_the_file(small, tmp_path, recwarn):
    torchvision = pytest.importorskip("torchvision", reason="skipped: torchvision is not installed")
    transforms = torchvision.transforms
    transform = transforms.Compose([transforms.Resize(40), transforms.CenterCrop(32), transforms.ToTensor()])
    before = copy.deepcopy(small.state_dict())
    path = switchback.export(
        small, tmp_path / "new" / "small.onnx", transform=transform, classes=list("abcdé")
    )
    assert path == tmp_path / "new" / "small.onnx"
    assert [file.name for file in path.parent.iterdir()] == ["small.onnx"]
    # The auxiliary convolution computes in training alone.
    assert names(path) == CONVOLUTIONS
    assert [
        str(warning.message) for warning in recwarn if warning.category is switchback.SwitchbackWarning
    ] == []
    assert json.loads(metadata(path)["switchback.classes"]) == list("abcdé")
    said = json.loads(metadata(path)["switchback.preprocessing"])
    assert said["crop"] == {"center": 32} and said["rounding"] == "even"
    assert {entry["name"] for entry in switchback.classify(path, "scenes:count=3")[0]["top"]} == set("abcdé")
    images = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    save_file({"images": images.numpy()}, tmp_path / "in.safetensors")
    run(["run", path, "--input", tmp_path / "in.safetensors", "--output", tmp_path / "out.safetensors"])
    (found,) = load_file(tmp_path / "out.safetensors").values()
    expected = small(images).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    assert all(torch.equal(value, before[name]) for name, value in small.state_dict().items())
    assert not small.training
    # Where the caller's program lies is nobody's business, and would make another file of the same module.
    assert __file__.encode() not in path.read_bytes()


def test_several_outputs_are_all_compared(tmp_path):
    torch.manual_seed(0)
    model = Pair().eval()
    path = switchback.export(model, tmp_path / "pair.onnx", size=16, classes=list("abcde"))
    assert len(onnx.load(path).graph.output) == 2
    model.order = ("map", "scores")
    with pytest.raises(switchback.SwitchbackError, match=r"5 names of classes.*first output has 8"):
        switchback.export(model, tmp_path / "pair.onnx", size=16, classes=list("abcde"))


def test_weights_may_be_beside_the_file(small, tmp_path, monkeypatch):
    from torch.onnx import ONNXProgram

    save = ONNXProgram.save
    monkeypatch.setattr(ONNXProgram, "save", lambda program, path: save(program, path, external_data=True))
    # A name that begins like those of the files that the check writes.
    path = switchback.export(small, tmp_path / "in", size=32, classes=list("abcde"))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in", "in.data"]
    assert names(path) == CONVOLUTIONS and "switchback.classes" in metadata(path)


def test_a_wrapped_module_of_other_numbers_is_written_as_float32_and_stays(small, tmp_path):
    other = copy.deepcopy(small).bfloat16()
    wrapped = torch.compile(torch.nn.DataParallel(other))
    with pytest.warns(switchback.SwitchbackWarning, match="bfloat16"):
        path = switchback.export(wrapped, tmp_path / "other.onnx", size=32)
    assert names(path) == CONVOLUTIONS
    assert next(other.parameters()).dtype == torch.bfloat16


def test_grey_images_as_they_are_read_need_no_grayscale(tmp_path):
    said = {"channels": "RGB", "scale": 1 / 255, "mean": [0.25] * 3, "std": [0.5] * 3}
    model = Small(channels=1).eval()
    path = switchback.export(model, tmp_path / "grey.onnx", size=28, transform=said)
    assert json.loads(metadata(path)["switchback.preprocessing"]) == {
        "channels": "GRAY",
        "scale": 1 / 255,
        "mean": [0.25],
        "std": [0.5],
        "resize": {"rows": 28, "columns": 28},
    }
    with pytest.raises(switchback.SwitchbackError, match=r"add Grayscale\(\)"):
        switchback.export(model, tmp_path / "grey.onnx", size=28, transform={**said, "mean": [0.1, 0.2, 0.3]})
    with pytest.raises(switchback.SwitchbackError, match=r"leave Grayscale\(\) out"):
        switchback.export(Small().eval(), tmp_path / "grey.onnx", size=28, transform={"channels": "GRAY"})


def test_the_older_exporter_takes_over_and_says_so(tmp_path):
    torch.manual_seed(0)
    model = Small(change=Branch(-100)).eval()
    with pytest.warns(switchback.SwitchbackWarning, match="older one.*fixed as they fell"):
        path = switchback.export(model, tmp_path / "branch.onnx", size=32)
    assert names(path) == CONVOLUTIONS


@pytest.mark.filterwarnings("ignore::switchback.SwitchbackWarning")
def test_a_file_that_is_not_the_module_is_refused(tmp_path):
    torch.manual_seed(0)
    # The first value of the input that is exported is above it, those of the other inputs below.
    with pytest.raises(switchback.SwitchbackError, match="differs from the module's by"):
        switchback.export(Small(change=Branch(-1.1)).eval(), tmp_path / "model.onnx", size=32)
    with pytest.raises(
        switchback.SwitchbackError, match=r"is 2 x 3 where the module's is 1 x 3.*x\.shape\[0\]"
    ):
        switchback.export(FixedCount().eval(), tmp_path / "model.onnx", size=32)
    assert list(tmp_path.iterdir()) == []


def test_a_module_becomes_a_run_that_resumes(small, tmp_path):
    options = {"out": tmp_path / "run", "size": 32, "layers": "layer1.0.conv1", "units": "0..<2"}
    with pytest.warns(switchback.SwitchbackWarning, match="assumed"):
        run = switchback.features(small, "scenes:count=20", **options)
    assert run.records()[0]["layer"] == "layer1.0.conv1"
    before = (tmp_path / "run.onnx").read_bytes(), (run.path / "search.safetensors").stat().st_mtime_ns
    with pytest.warns(switchback.SwitchbackWarning, match="assumed"):
        switchback.features(small, "scenes:count=20", **options)
    assert before == (
        (tmp_path / "run.onnx").read_bytes(),
        (run.path / "search.safetensors").stat().st_mtime_ns,
    )


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("weights.pt", "is a path"),
        ({"fc.weight": 1}, "load_state_dict"),
        (Small, "the class Small"),
        (3, "this is a int"),
        (torch.jit.trace(Small().eval(), torch.zeros(1, 3, 16, 16)), "TorchScript"),
        (Small(), "the module is in training mode.*model.eval"),
        (Small(change=Random()).eval(), "cannot run what PyTorch exported.*model.onnx.*Dropout"),
        (TwoInputs().eval(), r"2 inputs \(x, y\)"),
        (Words().eval(), "returns a tuple that holds something other than tensors"),
        (Small(channels=7).eval(), "7 channels"),
        (Small(change=torch.nn.Sequential(Singular())).eval(), r"svd.*part 'change\.0' \(Singular\)"),
    ],
)
def test_what_cannot_be_exported_is_told(model, words, tmp_path):
    with pytest.raises(switchback.SwitchbackError, match=words):
        switchback.export(model, tmp_path / "model.onnx", size=32)
    assert list(tmp_path.iterdir()) == []


def test_a_part_in_training_mode_and_a_damaged_weight_are_told(small, tmp_path):
    part = copy.deepcopy(small)
    part.layer1[1].bn1.train()
    with pytest.raises(switchback.SwitchbackError, match=r"layer1\.1\.bn1 is in training mode"):
        switchback.export(part, tmp_path / "model.onnx", size=32)
    damaged = copy.deepcopy(small)
    with torch.no_grad():
        damaged.fc.bias[0] = float("nan")
    with pytest.raises(switchback.SwitchbackError, match="not finite"):
        switchback.export(damaged, tmp_path / "model.onnx", size=32)


def test_arguments_that_do_not_fit_are_told(small, tmp_path):
    path = tmp_path / "model.onnx"
    fixed = {"resize": {"rows": 32, "columns": 32}, "scale": 1}
    for words, options in {
        "size=224": {},
        "size=-3": {"size": -3},
        r"size=\(3, 3, 3\)": {"size": (3, 3, 3)},
        "3 names of classes.*5 scores": {"size": 32, "classes": list("abc")},
        "list of names": {"size": 32, "classes": "abcde"},
        "size is 16 x 16, and the transform makes 32 x 32": {"size": 16, "transform": fixed},
        "shorter side 40 pixels": {"size": 32, "transform": {"resize": {"shorterSide": 40}, "scale": 1}},
        "'scale'": {"size": 32, "transform": {**fixed, "scale": "one"}},
    }.items():
        with pytest.raises(switchback.SwitchbackError, match=words):
            switchback.export(small, path, **options)
    with pytest.raises(switchback.SwitchbackError, match="is a folder"):
        switchback.export(small, tmp_path, size=32)
    with pytest.raises(switchback.SwitchbackError, match="for a PyTorch module"):
        switchback.features("model.onnx", "images", out=tmp_path / "run", classes=["a"])
    assert list(tmp_path.iterdir()) == []


def test_what_was_at_the_path_stays_where_the_file_is_refused(small, tmp_path):
    (tmp_path / "kept.onnx").write_text("kept")
    with pytest.raises(switchback.SwitchbackError, match=r"differs from .* and 0 of that is allowed"):
        switchback.export(small, tmp_path / "kept.onnx", size=32, tolerance=0)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("kept.onnx", "kept")]
    with pytest.raises(switchback.SwitchbackError, match=r"cannot be written.*Name another place"):
        switchback.export(small, tmp_path / "kept.onnx" / "model.onnx", size=32)


def test_missing_packages_are_told(small, tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "onnx" in name else find_spec(name))
    with pytest.raises(
        switchback.SwitchbackError, match=r"onnx and onnxscript: pip install 'switchback\[export\]'"
    ):
        switchback.export(small, tmp_path / "model.onnx", size=32)
    monkeypatch.undo()
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    with pytest.raises(switchback.SwitchbackError, match=r"2\.6 or later, and 2\.5\.1"):
        switchback.export(small, tmp_path / "model.onnx", size=32)


def test_importing_the_package_imports_no_torch():
    from switchback._command import subprocess

    code = "import sys, switchback; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
