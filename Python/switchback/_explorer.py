"""The explorer, beside a Python program."""

import atexit
import html
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from ._command import failure, start, warn


class Explorer:
    """The explorer, running beside this program.

    Attributes:
        url: Its address, with the token that lets a browser in.
    """

    def __init__(self, runs: Sequence[Path]) -> None:
        """Starts it.

        Raises:
            SwitchbackError: It ends at once.
        """
        arguments: list[str | PathLike[str]] = ["explore", *runs, "--no-open"]
        # A pipe that nobody reads would stop it once it is full.
        with tempfile.TemporaryFile() as errors:
            self._process = start(arguments, errors)
            atexit.register(self.stop)
            assert self._process.stdout is not None
            self.url = self._process.stdout.readline().strip()
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").splitlines()
        warn(lines)
        if not self.url:
            exit_code = self._process.wait()
            self.stop()
            raise failure(arguments, lines, exit_code)

    def stop(self) -> None:
        """Stops it."""
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def __enter__(self) -> "Explorer":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stops it."""
        self.stop()

    def _repr_html_(self) -> str:
        """Its address, for a notebook."""
        url = html.escape(self.url)
        return f'<a href="{url}" target="_blank">{url}</a>'
