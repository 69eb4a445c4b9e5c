import http.cookiejar
import json
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest
from safetensors.numpy import load_file

import switchback
from switchback import _run


def test_three_lines_make_a_gallery(gallery):
    assert gallery.study == "features" and gallery.is_finished and gallery.page.exists()
    assert gallery.settings["units"] == "0..<4"
    assert gallery.layers == ["conv1", "conv5"] and gallery.skipped == []


def test_peaks_are_those_of_the_file(gallery):
    layers = json.loads((gallery.path / "features.json").read_text())["layers"]
    records = gallery.peaks()
    assert records == gallery.records()
    assert len(records) == sum(len(unit["top"]) for layer in layers for unit in layer["units"]) > 0
    peak = layers[1]["units"][2]["top"][0]
    found = next(peak for peak in records if (peak["layer"], peak["unit"], peak["rank"]) == ("conv5", 2, 0))
    assert [found[key] for key in ("image", "value", "row", "column")] == [
        peak[key] for key in ("image", "value", "row", "column")
    ]
    assert [found["top"], found["left"], found["bottom"], found["right"]] == peak["box"]


def test_records_as_a_frame(gallery):
    pytest.importorskip("pandas", reason="skipped: pandas is not installed")
    frame = gallery.frame()
    assert len(frame) == len(gallery.records()) and frame["value"].dtype == float


def test_a_frame_without_pandas_says_what_to_install(gallery, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(switchback.SwitchbackError, match="pip install pandas"):
        gallery.frame()


def test_projections_are_those_of_the_file(gallery):
    projections = gallery.projections("conv5")
    arrays = load_file(gallery.path / "projections" / "conv5.safetensors")
    assert list(projections) == [0, 1, 2, 3] and len(projections) == 4
    assert np.array_equal(projections[2], arrays["projections"][2]) and np.abs(projections[2]).max() > 0
    assert np.array_equal(projections.boxes(1), arrays["boxes"][1])
    assert np.array_equal(gallery.arrays["projections/conv5/units"], [0, 1, 2, 3])
    with pytest.raises(KeyError):
        projections[9]
    with pytest.raises(switchback.SwitchbackError, match="conv1, conv5"):
        gallery.projections("conv9")


def test_arrays_are_read_when_they_are_asked_for(gallery, monkeypatch):
    read = []

    class Opened:
        def __init__(self, file, framework):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def keys(self):
            return ["projections"]

        def get_tensor(self, name):
            read.append(self.file.name)
            return np.zeros(1, np.float32)

    monkeypatch.setattr(_run, "safe_open", Opened)
    arrays = gallery.arrays
    assert len(arrays) == 2 and read == []
    assert arrays["projections/conv5/projections"].shape == (1,)
    assert read == ["conv5.safetensors"]


def test_a_damaged_array_names_its_file(gallery, tmp_path):
    folder = tmp_path / "projections"
    folder.mkdir()
    (tmp_path / "run.json").write_bytes((gallery.path / "run.json").read_bytes())
    (folder / "conv1.safetensors").write_bytes(b"no array")
    with pytest.raises(switchback.SwitchbackError, match=r"conv1.safetensors cannot be read"):
        _ = switchback.Run(tmp_path).arrays


def test_a_run_without_arrays_says_how_to_keep_them(model, tmp_path):
    run = switchback.features(
        model, "scenes:count=20", out=tmp_path / "run", layers="conv1", units=[0], arrays=False
    )
    with pytest.raises(switchback.SwitchbackError, match="arrays=True"):
        run.projections("conv1")


def test_a_notebook_shows_the_figures(gallery, monkeypatch):
    shown = gallery._repr_html_()
    assert shown.count("<img") == len(gallery.figures) == 2
    assert "data:image/svg+xml;base64," in shown and str(gallery.page) in shown
    monkeypatch.setattr(_run, "_MOST_SHOWN", gallery.figures[0].stat().st_size)
    shown = gallery._repr_html_()
    assert shown.count("<img") == 1 and "1 of 2 figures are shown" in shown


def test_maps_of_explain(model, tmp_path):
    run = switchback.explain(model, "scenes:count=20", out=tmp_path / "run", method=["gradient", "gradcam"])
    assert {name.split("/")[-1] for name in run.arrays} == {"gradient", "gradcam"}
    assert len(run.records()) == len(run.arrays) / 2 > 0
    assert {"name", "score", "class"} <= run.records()[0].keys()
    assert run.arrays[f"explanations/{run.records()[0]['name']}/gradient"].shape == (32, 32, 3)
    with pytest.raises(switchback.SwitchbackError, match="a run of explain"):
        run.peaks()
    with pytest.raises(switchback.SwitchbackError, match="a run of explain"):
        run.projections("conv1")


def test_each_study_gives_records(model, trained, gallery, tmp_path):
    pictures = "scenes:count=20"
    two = tmp_path / "two"
    two.mkdir()
    noise = np.random.default_rng(0)
    for name in ("a.ppm", "b.ppm"):
        (two / name).write_bytes(b"P6 40 40 255 " + noise.bytes(4800))
    earlier = trained.path / "models" / "epoch-001.onnx"
    specification = tmp_path / "spec.yaml"
    specification.write_text(
        'base: zfnet\ninput: 32\nwidth: 0.1\ndata: {pictures: "scenes:count=40"}\n'
        "recipe: {epochs: 1, batch: 16, init: he}\nseeds: [1]\nvariants:\n  - {name: whole}\n"
    )
    runs = [
        (trained, "top1"),
        (switchback.diagnose([model, earlier], pictures, out=tmp_path / "diagnose"), "verdict"),
        (switchback.occlude(model, two, out=tmp_path / "occlude", size=10, stride=8), "probability"),
        (switchback.trust(model, two, out=tmp_path / "trust", layers="conv5"), "controls"),
        (switchback.trust(model, two, out=tmp_path / "methods", methods="gradcam"), "insertion"),
        (switchback.why(gallery, two, out=tmp_path / "why", layers="conv5", units=2), "layers"),
        (switchback.invariance(model, pictures, out=tmp_path / "invariance", limit=1), "change"),
        (switchback.correspond(model, parts="scenes:count=60", out=tmp_path / "parts", draws=19), "delta"),
        (switchback.evolve(trained, units=1), "settled"),
        (switchback.ablate(specification, out=tmp_path / "ablate"), "outcomes"),
        (switchback.transfer(model, "scenes:count=60", out=tmp_path / "transfer", layers="fc7"), "accuracy"),
        (switchback.audit(pictures, pictures, out=tmp_path / "audit", mirrored=True), None),
    ]
    for run, key in runs:
        assert run.is_finished and run.page.exists(), run
        assert key is None or key in run.records()[0], run
        assert "not finished" not in run._repr_html_()
    assert runs[1][0].study == "diagnose" and runs[8][0].path == trained.path / "evolution"
    occluded = runs[2][0]
    assert occluded.arrays and occluded.settings["size"] == "10"
    assert any(name.startswith("why/") for name in runs[5][0].arrays)
    assert any(name.startswith("trust/images/") for name in runs[4][0].arrays)


def test_parts_of_a_job_are_joined(model, gallery, tmp_path):
    parts = [
        switchback.features(
            model,
            "scenes:count=30",
            out=tmp_path / name,
            shard=f"{name}/2",
            layers=["conv1", "conv5"],
            units="0..<4",
        )
        for name in "12"
    ]
    with pytest.raises(switchback.SwitchbackError, match=r"switchback.merge"):
        parts[0].records()
    assert switchback.merge(parts, out=tmp_path / "run").peaks() == gallery.peaks()


def test_what_is_no_run_is_told(gallery, tmp_path):
    with pytest.raises(switchback.SwitchbackError, match=r"no run.json"):
        switchback.Run(tmp_path)
    with pytest.raises(switchback.SwitchbackError, match=r"no run.json"):
        switchback.Run(gallery.path / "run.json")
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(switchback.SwitchbackError, match="cannot be read"):
        switchback.Run(tmp_path)
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(switchback.SwitchbackError, match="something else"):
        switchback.Run(tmp_path)
    header = json.loads((gallery.path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**header, "format": 2}))
    with pytest.raises(switchback.SwitchbackError, match=r"another version.*pip install --upgrade"):
        switchback.Run(tmp_path)


def test_an_unfinished_run_is_told(gallery, tmp_path):
    for file in ("run.json", "features.json"):
        (tmp_path / file).write_bytes((gallery.path / file).read_bytes())
    run = switchback.Run(tmp_path)
    # features.json may be of settings that run.json has no more.
    for read in (lambda: run.page, lambda: run.result, lambda: run.skipped, run.records):
        with pytest.raises(switchback.SwitchbackError, match="not finished"):
            read()
    assert "not finished" in repr(run) and "not finished" in run._repr_html_()


def test_the_explorer_answers_until_it_is_stopped(gallery):
    with gallery.explore(open=False) as explorer:
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        with urllib.request.build_opener(cookies).open(explorer.url, timeout=30) as answer:
            assert answer.status == 200 and b"conv5" in answer.read()
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(explorer.url, timeout=5)
    with pytest.raises(switchback.SwitchbackError, match="there is no /nowhere"):
        gallery.explore("/nowhere", open=False)


def test_the_explorer_ends_with_the_program(gallery):
    program = f"import switchback; print(switchback.Run({str(gallery.path)!r}).explore(open=False).url)"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.startswith("http://127.0.0.1")
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(found.stdout.strip(), timeout=5)


def test_importing_needs_no_torch():
    program = (
        "import sys; sys.modules['torch'] = None; import switchback; print(switchback.features.__name__)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout == "features\n", found.stderr
