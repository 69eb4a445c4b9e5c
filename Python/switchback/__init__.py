"""Shows what a convolutional network has learned.

    import switchback
    run = switchback.features("model.onnx", "images/", out="run")
    run                       # in a notebook: the gallery
    run.records()             # every unit's strongest images
    run.explore()             # a page for every unit in the browser

`export` writes a PyTorch module as an ONNX file with its names, preprocessing and classes. The work is done
by the `switchback` command, which the wheel carries.
"""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

from ._command import SwitchbackError, SwitchbackWarning
from ._explorer import Explorer
from ._run import Arrays, Projections, Run
from ._studies import (
    ablate,
    audit,
    classify,
    correspond,
    demo,
    diagnose,
    evolve,
    explain,
    features,
    inspect,
    invariance,
    merge,
    occlude,
    train,
    transfer,
    trust,
    why,
)

if TYPE_CHECKING:
    from ._export import export

try:
    __version__ = _version("switchback")
except PackageNotFoundError:
    __version__ = "0"

__all__ = [
    "Arrays",
    "Explorer",
    "Projections",
    "Run",
    "SwitchbackError",
    "SwitchbackWarning",
    "ablate",
    "audit",
    "classify",
    "correspond",
    "demo",
    "diagnose",
    "evolve",
    "explain",
    "export",
    "features",
    "inspect",
    "invariance",
    "merge",
    "occlude",
    "train",
    "transfer",
    "trust",
    "why",
]


def __getattr__(name: str) -> Any:
    # Only exporting needs PyTorch, so only exporting imports it.
    if name == "export":
        from ._export import export

        return export
    raise AttributeError(f"module 'switchback' has no attribute '{name}'")
