"""Finding the command that does the work, and running it."""

import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NoReturn, Protocol

_PACKAGE = Path(__file__).parent
_BUNDLED = _PACKAGE / "bin" / "switchback"
_FONTS = _PACKAGE / "fonts" / "fonts.conf"


class SwitchbackError(Exception):
    """What kept the command from doing what was asked, in its own words.

    Attributes:
        command: The command that was run; empty where none was.
        exit_code: 2 for what the caller can mend, 1 for other failures; 0 where no command was run.
    """

    def __init__(self, message: str, command: Sequence[str] = (), exit_code: int = 0) -> None:
        """Takes the message, and the command that gave it."""
        super().__init__(message)
        self.command = list(command)
        self.exit_code = exit_code


class SwitchbackWarning(UserWarning):
    """What the command assumed, guessed or left out."""


def find() -> Path:
    """The command's binary: what SWITCHBACK_COMMAND names, the one in this package, or one on the PATH.

    Raises:
        SwitchbackError: There is none.
    """
    named = os.environ.get("SWITCHBACK_COMMAND")
    if named:
        if not os.path.isfile(named) or not os.access(named, os.X_OK):
            raise SwitchbackError(
                f"SWITCHBACK_COMMAND names {named}, which is not an executable file. Set it to the path of "
                f"the "
                "`switchback` command, or unset it."
            )
        return Path(named)
    if _BUNDLED.exists():
        return _BUNDLED
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = shutil.which("switchback", path=folder)
        if found and not _is_own_script(found):
            return Path(found)
    raise SwitchbackError(
        "there is no `switchback` command: this Python package was installed from its source, without one. "
        "Install the wheel or the Debian package, or build the command and set SWITCHBACK_COMMAND to its "
        "path."
    )


def _is_own_script(path: str) -> bool:
    """Whether a file is this package's console script, which would call itself without end."""
    with open(path, "rb") as file:
        start = file.read(4096)
    return start.startswith(b"#!") and b"switchback._command" in start


def _environment(command: Path) -> dict[str, str]:
    environment = dict(os.environ)
    if command == _BUNDLED and _FONTS.exists():
        environment.setdefault("FONTCONFIG_FILE", str(_FONTS))
    return environment


def _cannot_run(command: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"{command} cannot be run: {error.strerror}. Make it executable: chmod +x {command}"
    return (
        f"{command} cannot be run: {error.strerror}. The wheel is made for Linux on x86-64. Elsewhere build "
        f"the "
        "command, and set SWITCHBACK_COMMAND to its path."
    )


def main() -> NoReturn:
    """Replaces this process by the command: what `switchback` in a terminal runs."""
    try:
        command = find()
        os.execve(command, ["switchback", *sys.argv[1:]], _environment(command))
    except SwitchbackError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {_cannot_run(command, error)}")


class _Display(Protocol):
    """Where the newest line of progress is shown."""

    def show(self, line: str) -> None: ...


class _Terminal:
    def show(self, line: str) -> None:
        # A line that wraps could not be erased.
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r\x1b[K{line[:width]}")
        sys.stderr.flush()


class _Notebook:
    def __init__(self) -> None:
        from IPython.display import DisplayHandle

        self._handle = DisplayHandle()
        self._handle.display({"text/plain": ""}, raw=True)

    def show(self, line: str) -> None:
        self._handle.update({"text/plain": line}, raw=True)


def _display() -> _Display | None:
    if "ipykernel" in sys.modules:
        return _Notebook()
    return _Terminal() if sys.stderr is not None and sys.stderr.isatty() else None


def run(arguments: Sequence[str | os.PathLike[str]]) -> str:
    """Runs the command and waits for it, showing its progress in a terminal or a notebook.

    Ctrl-C stops the command, which keeps what it has found, so that the same call resumes. A second Ctrl-C
    ends it at once. What the command assumed, guessed or left out becomes a `SwitchbackWarning` as soon as
    it is said.

    Args:
        arguments: The command's arguments: a subcommand and its options.

    Returns:
        What it printed on standard output.

    Raises:
        SwitchbackError: The command could not be started, or failed.
    """
    display = _display()
    # The command shows progress in place on a terminal only.
    reading, writing = os.openpty() if display else os.pipe()
    lines: list[str] = []
    try:
        process = start(arguments, errors=writing)
    except SwitchbackError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    reader = threading.Thread(target=_follow, args=(reading, lines, display), daemon=True)
    reader.start()
    told = 0
    try:
        while True:
            try:
                output, _ = process.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                new = lines[told:]
                warn(new, display)
                told += len(new)
    except BaseException:
        _interrupt(process)
        raise
    finally:
        reader.join()
    # Also of a command that failed: with --strict the error speaks of its notes.
    warn(lines[told:])
    if process.returncode != 0:
        raise failure(arguments, lines, process.returncode)
    return output


@functools.cache
def _lifeline() -> tuple[int, int]:
    """The two ends of a pipe whose writing end stays open as long as this program runs, however it ends."""
    return os.pipe()


def start(arguments: Sequence[str | os.PathLike[str]], errors: int | IO[bytes]) -> "subprocess.Popen[str]":
    """Starts the command, with a pipe for what it prints on standard output.

    It stops, keeping what it has found, when this program ends, even if that is killed.

    Args:
        arguments: The command's arguments.
        errors: The file that takes its messages and progress.

    Returns:
        The process.

    Raises:
        SwitchbackError: It cannot be started.
    """
    command = find()
    words = [str(command), *(os.fspath(word) for word in arguments)]
    try:
        return subprocess.Popen(
            words,
            stdin=_lifeline()[0],
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="replace",
            env=_environment(command) | {"SWITCHBACK_STOPS_WITH_INPUT": "1"},
            # A terminal's Ctrl-C would reach it twice, and the second ends it without keeping anything.
            start_new_session=True,
        )
    except OSError as error:
        raise SwitchbackError(_cannot_run(command, error), words) from error


def _interrupt(process: "subprocess.Popen[str]") -> None:
    """Passes Ctrl-C on and waits for the end; so too a second one."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.communicate()


def failure(arguments: Sequence[str | os.PathLike[str]], lines: list[str], exit_code: int) -> SwitchbackError:
    """The error of a command that failed: its message, without the prefix and the hints for whoever types."""
    words = ["switchback", *(os.fspath(word) for word in arguments)]
    first = next((number for number, line in enumerate(lines) if line.startswith("error: ")), None)
    if first is None:
        how = f"was ended by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}"
        return SwitchbackError("\n".join([f"the command {how}.", *lines[-20:]]), words, exit_code)
    told = [line for line in lines[first:] if not line.startswith(("Usage: ", "  See '"))]
    return SwitchbackError("\n".join(told).removeprefix("error: "), words, exit_code)


def warn(lines: Sequence[str], display: _Display | None = None) -> None:
    """Gives the command's notes as warnings, at the line that called this package; leaves progress out."""
    notes = [line for line in lines if line.startswith(("note: ", "skipped ")) or "skipped.json" in line]
    if notes and display:
        # A warning begins on a line of its own.
        display.show("")
    depth = 1
    frame = sys._getframe()
    while frame.f_back is not None and Path(frame.f_code.co_filename).parent == _PACKAGE:
        frame = frame.f_back
        depth += 1
    for note in notes:
        warnings.warn(note.removeprefix("note: "), SwitchbackWarning, stacklevel=depth)


def _follow(stream: int, lines: list[str], display: _Display | None) -> None:
    """Keeps the lines that a stream brings until it ends, and shows the newest."""
    rest = b""
    while True:
        try:
            read = os.read(stream, 65536)
        except OSError:
            # Linux reports the end of a pseudo-terminal as an input/output error.
            read = b""
        # A line that the next one replaces ends with the sequence that erases it.
        *whole, rest = re.split(rb"\r?\n|\r\x1b\[K", rest + read) if read else [rest, b""]
        lines.extend(line.decode("utf-8", "replace") for line in whole if line)
        if display:
            newest = rest.decode("utf-8", "replace") or (lines[-1] if lines else "")
            display.show(newest if read else "")
        if not read:
            os.close(stream)
            return
