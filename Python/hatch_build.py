"""Says of a wheel that carries the command which machines it is for."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Platform(BuildHookInterface):  # type: ignore[misc]
    """Tags the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Sets the tag; auditwheel names the oldest system that it runs on."""
        if (Path(self.root) / "switchback" / "bin" / "switchback").exists():
            build_data["pure_python"] = False
            build_data["tag"] = "py3-none-linux_x86_64"
