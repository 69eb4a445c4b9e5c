import io
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

import switchback
from switchback import _command, _studies


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Puts a shell script in the command's place."""

    def write(*lines):
        script = tmp_path / "switchback"
        script.write_text("\n".join(["#!/bin/sh", *lines]))
        script.chmod(0o755)
        monkeypatch.setenv("SWITCHBACK_COMMAND", str(script))
        return script

    return write


def wait_until(condition):
    deadline = time.time() + 60
    while not condition():
        assert time.time() < deadline
        time.sleep(0.01)


def is_running(process):
    """Whether a process of ours, or one that was, still computes."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_command_s_errors_are_raised_in_its_words(model, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(switchback.SwitchbackError, match="nowhere") as caught:
        switchback.features(model, tmp_path / "nowhere", out=out)
    assert caught.value.exit_code == 2
    assert caught.value.command[:2] == ["switchback", "features"]
    assert not str(caught.value).startswith("error:")
    with pytest.raises(switchback.SwitchbackError, match="--no-such-option") as caught:
        switchback.features(model, "scenes:count=20", out=out, no_such_option=3)
    assert "Usage:" not in str(caught.value)
    with pytest.raises(switchback.SwitchbackError, match="no such file"):
        switchback.inspect(tmp_path / "nothing.onnx")
    assert not out.exists()


def test_a_command_that_dies_without_a_message_is_an_error(fake):
    fake("echo last words >&2", "kill -9 $$")
    with pytest.raises(switchback.SwitchbackError, match=r"ended by signal 9\.\nlast words") as caught:
        switchback.inspect("model.onnx")
    assert caught.value.exit_code == -9


def test_options_become_the_command_s_words():
    options = {
        "per_class": 5,
        "class_": "tabby",
        "layers": ["a", "b"],
        "exact": True,
        "arrays": False,
        "rule": None,
    }
    words = ["--per-class=5", "--class=tabby", "--layers=a,b", "--exact", "--no-arrays"]
    assert _studies._words(options) == words
    with pytest.raises(switchback.SwitchbackError, match="method is"):
        _studies._words({"method": {"gradient"}})


def test_an_input_s_size_is_rows_and_columns():
    assert [_studies._sides(size) for size in (64, (48, 320), "48x320", None)] == [
        (64, 64),
        (48, 320),
        (48, 320),
        None,
    ]
    for size in ("48", (1, 2, 3), "axb", -4):
        with pytest.raises(switchback.SwitchbackError, match="Give rows and columns"):
            _studies._sides(size)


def test_arguments_of_modules_are_refused_for_files(model, tmp_path):
    with pytest.raises(switchback.SwitchbackError, match="classes is for a PyTorch module"):
        switchback.features(model, "scenes:", out=tmp_path / "run", classes=["a"])


def test_several_images_are_refused_with_advice(model, tmp_path):
    with pytest.raises(switchback.SwitchbackError, match="folder of links"):
        switchback.features(model, ["a.jpg", "b.jpg"], out=tmp_path / "run")


def test_a_class_and_a_further_network_reach_the_command(model):
    found = switchback.classify(model, "scenes:count=20", ensemble=[model, model], top=2)
    assert len(found) > 0 and all(len(picture["top"]) == 2 for picture in found)
    with pytest.raises(switchback.SwitchbackError, match="unicorn"):
        switchback.explain(
            model, "scenes:count=20", out=model.parent / "no", method="gradient", class_="unicorn"
        )


def test_where_the_command_is_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("SWITCHBACK_COMMAND", str(tmp_path))
    with pytest.raises(switchback.SwitchbackError, match="SWITCHBACK_COMMAND"):
        _command.find()
    monkeypatch.delenv("SWITCHBACK_COMMAND")
    bundled = tmp_path / "bin" / "switchback"
    monkeypatch.setattr(_command, "_BUNDLED", bundled)
    # The first on the PATH is this package's own console script.
    own, other = tmp_path / "own" / "switchback", tmp_path / "other" / "switchback"
    for file, text in (
        (own, "#!/usr/bin/python3\nfrom switchback._command import main"),
        (other, "no program"),
    ):
        file.parent.mkdir()
        file.write_text(text)
        file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{own.parent}{os.pathsep}{other.parent}")
    assert _command.find() == other
    other.unlink()
    with pytest.raises(switchback.SwitchbackError, match="Install the wheel"):
        _command.find()
    bundled.parent.mkdir()
    bundled.touch()
    assert _command.find() == bundled


def test_a_file_that_is_no_program_is_told(fake):
    fake().write_text("no program")
    with pytest.raises(switchback.SwitchbackError, match=r"cannot be run: Exec format error.*x86-64"):
        switchback.inspect("model.onnx")


def test_fonts_are_those_of_the_package_unless_the_user_has_some(monkeypatch, tmp_path):
    bundled, fonts = tmp_path / "switchback", tmp_path / "fonts.conf"
    monkeypatch.setattr(_command, "_BUNDLED", bundled)
    monkeypatch.setattr(_command, "_FONTS", fonts)
    monkeypatch.delenv("FONTCONFIG_FILE", raising=False)
    assert "FONTCONFIG_FILE" not in _command._environment(bundled)
    fonts.touch()
    assert _command._environment(bundled)["FONTCONFIG_FILE"] == str(fonts)
    assert "FONTCONFIG_FILE" not in _command._environment(tmp_path / "another")
    monkeypatch.setenv("FONTCONFIG_FILE", "mine")
    assert _command._environment(bundled)["FONTCONFIG_FILE"] == "mine"


def test_what_is_left_out_is_a_warning_at_the_caller_s_line(model, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (pictures / "good.ppm").write_bytes(b"P6 40 40 255 " + bytes(range(48)) * 100)
    with pytest.warns(switchback.SwitchbackWarning, match="could not be read") as caught:
        run = switchback.features(model, pictures, out=tmp_path / "run", layers="conv1", units="0..<2")
    assert [entry["image"] for entry in run.skipped] == ["broken.jpg"]
    assert caught[0].filename == __file__
    with pytest.warns(switchback.SwitchbackWarning, match=r"skipped broken.jpg"):
        switchback.classify(model, pictures)


def test_notes_of_a_command_that_fails_are_warnings_too(fake):
    fake("echo 'note: a.onnx: is odd' >&2", "echo 'error: the note above is an error' >&2", "exit 2")
    with (
        pytest.warns(switchback.SwitchbackWarning, match=r"^a.onnx: is odd"),
        pytest.raises(switchback.SwitchbackError, match=r"^the note above is an error$"),
    ):
        switchback.inspect("a.onnx")


def test_a_note_is_a_warning_while_the_command_runs(fake, monkeypatch):
    seen = fake(
        "echo 'note: a.onnx: is odd' >&2",
        "for _ in $(seq 100); do [ -e $0.seen ] && exit; sleep 0.1; done",
        "exit 3",
    ).with_suffix(".seen")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", lambda *_, **__: seen.touch())
        _command.run(["inspect", "a.onnx"])
    assert seen.exists()


def test_a_terminal_shows_progress_and_is_left_clean(fake, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    # The command writes progress in place on a terminal alone.
    fake(
        "test -t 2 || exit 3",
        r"printf 'search: 1/2' >&2",
        "sleep 0.3",
        r"printf '\r\033[Ksearch: 2 images\n' >&2",
    )
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _command.run(["features"])
    shown = terminal.getvalue().split("\r\x1b[K")
    assert "search: 1/2" in shown and "search: 2 images" in shown and shown[-1] == ""


def test_a_notebook_shows_progress_in_place(fake, monkeypatch):
    display = pytest.importorskip("IPython.display", reason="skipped: IPython is not installed")
    shown = []
    monkeypatch.setitem(sys.modules, "ipykernel", io)
    monkeypatch.setattr(display.DisplayHandle, "display", lambda handle, data, **_: shown.append(data))
    monkeypatch.setattr(display.DisplayHandle, "update", lambda handle, data, **_: shown.append(data))
    fake("echo 'search: 2 images' >&2")
    _command.run(["features"])
    assert shown[0] == shown[-1] == {"text/plain": ""} and {"text/plain": "search: 2 images"} in shown


def test_ctrl_c_leaves_a_run_that_resumes(model, tmp_path):
    out = tmp_path / "run"
    pictures = "scenes:count=1500"
    call = f"switchback.features({str(model)!r}, {pictures!r}, out={str(out)!r}, search_only=True)"
    program = f"import switchback; {call}"
    child = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, start_new_session=True)
    wait_until((out / "run.json").exists)
    # To the program alone, as a notebook sends it.
    os.kill(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors
    interrupted = switchback.Run(out)
    assert not interrupted.is_finished
    with pytest.raises(switchback.SwitchbackError, match=r"not finished. Make the same call again"):
        _ = interrupted.result
    run = switchback.features(model, pictures, out=out, search_only=True)
    assert run.is_finished and run.peaks()
    with pytest.raises(switchback.SwitchbackError, match="a search alone"):
        _ = run.page


def test_a_program_that_is_killed_leaves_a_run_that_resumes_and_no_command(model, tmp_path):
    out = tmp_path / "run"
    words = [str(model), "scenes:count=1500", f"--out={out}", "--search-only", "--quiet"]
    program = (
        "import subprocess, time; from switchback import _command\n"
        f"print(_command.start(['features', *{words!r}], subprocess.DEVNULL).pid, flush=True)\n"
        "time.sleep(600)"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    command = int(child.stdout.readline())
    wait_until((out / "run.json").exists)
    child.kill()
    child.communicate()
    wait_until(lambda: not is_running(command))
    assert not switchback.Run(out).is_finished
    assert switchback.features(model, "scenes:count=1500", out=out, search_only=True).is_finished


def test_a_second_ctrl_c_reaches_the_command(fake, tmp_path):
    script = fake(
        "trap 'echo $$ >> $0.signals' INT",
        "touch $0.signals",
        "while [ $(wc -l < $0.signals) -lt 2 ]; do sleep 0.05; done",
        "exit 130",
    )
    program = "import switchback; switchback.inspect('model.onnx')"
    child = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
    deadline = time.time() + 30
    signals = script.with_suffix(".signals")
    for count in range(2):
        while (
            not (signals.exists() and len(signals.read_text().splitlines()) == count)
            and time.time() < deadline
        ):
            time.sleep(0.01)
        # The program waits for the command by now.
        time.sleep(0.5)
        os.kill(child.pid, signal.SIGINT)
    child.communicate(timeout=30)
    assert len(signals.read_text().splitlines()) == 2


def test_the_console_script_becomes_the_command(command):
    words = [sys.executable, "-c", "from switchback._command import main; main()", "--version"]
    found = subprocess.run(words, capture_output=True)
    assert found.returncode == 0 and b"oneDNN" in found.stdout
