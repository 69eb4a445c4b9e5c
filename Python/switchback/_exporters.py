"""PyTorch's exporters of ONNX, and what they cannot export."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ._command import SwitchbackError, SwitchbackWarning

if TYPE_CHECKING:
    import torch

# The name of a file's input.
INPUT = "images"
# The oldest that PyTorch's exporter writes, and so what most programs read.
_OPSET = 18


def write(module: "torch.nn.Module", images: "torch.Tensor", file: Path) -> None:
    """Exports by PyTorch's exporter, or by its older one where that fails."""
    import torch

    # Attention is exported by its parts, not as the one operator that PyTorch runs on CPUs.
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module,
                (images,),
                input_names=[INPUT],
                dynamo=True,
                opset_version=_OPSET,
                dynamic_shapes=({0: torch.export.Dim("N", min=1, max=1 << 16)},),
                verbose=False,
            )
            assert program is not None, "only the older exporter returns None"
            program.save(str(file))
        return
    except OSError:
        raise
    except Exception as error:
        failure = error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    try:
        with _quiet() as told, torch.no_grad():
            torch.onnx.export(
                module,
                (images,),
                str(file),
                input_names=[INPUT],
                dynamo=False,
                opset_version=_OPSET,
                dynamic_axes={INPUT: {0: "N"}},
            )
    except Exception as error:
        _refuse_export(module, images, failure, error)
    is_fixed = any(issubclass(warning.category, torch.jit.TracerWarning) for warning in told)
    warnings.warn(
        f"PyTorch's exporter failed ({cause(failure)}), so its older one, which follows one run of the "
        "module, wrote the file."
        + (" Decisions that depend on values are fixed as they fell for random images." if is_fixed else ""),
        SwitchbackWarning,
        stacklevel=3,
    )


def _refuse_export(
    module: "torch.nn.Module",
    images: "torch.Tensor",
    newer: Exception,
    older: Exception,
) -> NoReturn:
    path, part = _culprit(module, images)
    where = f"Its part '{path}' ({type(part).__name__})" if path else "Its own forward"
    raise SwitchbackError(
        f"PyTorch cannot export the module: {cause(newer)}. Its older exporter: {cause(older)}. {where} "
        "is where it fails: write it with operations that have an ONNX operator, without .item(), NumPy and "
        "branches on values, or leave it out by a module that returns what comes before it."
    ) from newer


def _culprit(module: "torch.nn.Module", images: "torch.Tensor") -> tuple[str, "torch.nn.Module"]:
    """The path of the innermost part that cannot be exported by itself, and the part; else the module."""
    import torch

    calls: dict[torch.nn.Module, tuple[Any, Any]] = {}

    def note(part: "torch.nn.Module", arguments: Any, keywords: Any) -> None:
        calls.setdefault(part, (arguments, keywords))

    hooks = [part.register_forward_pre_hook(note, with_kwargs=True) for part in module.modules()]
    try:
        with torch.no_grad():
            module(images)
    finally:
        for hook in hooks:
            hook.remove()

    def fails(part: "torch.nn.Module") -> bool:
        if part not in calls:
            # A list of modules is not called, and may hold the one that fails.
            return any(fails(inner) for inner in part.children())
        arguments, keywords = calls[part]
        try:
            with _quiet(), torch.no_grad():
                torch.onnx.export(
                    part,
                    arguments,
                    kwargs=keywords,
                    dynamo=True,
                    opset_version=_OPSET,
                    verbose=False,
                )
        except Exception:
            return True
        return False

    path, part = "", module
    while inner := next(((name, child) for name, child in part.named_children() if fails(child)), None):
        path, part = f"{path}.{inner[0]}".lstrip("."), inner[1]
    return path, part


@contextlib.contextmanager
def _quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Keeps what exporters print from the user, and collects their warnings."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(record=True) as told,
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("always")
            yield told
    finally:
        logging.disable(before)


def cause(error: BaseException) -> str:
    """The first line of the error that another error came from."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].rstrip('.')[:300]}" if lines else type(error).__name__
