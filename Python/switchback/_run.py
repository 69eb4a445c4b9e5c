"""Runs: what the command left in a folder, opened again."""

import base64
import html
import json
import re
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from ._command import SwitchbackError
from ._explorer import Explorer

if TYPE_CHECKING:
    import pandas

Array = NDArray[np.float32]

# What run.json calls the format that this package reads.
_FORMAT = 1
# The file of each study's results, and the key of those that are records.
_RESULTS = {
    "ablate": ("ablation.json", "rows"),
    "audit": ("audit.json", "pairs"),
    "correspond": ("correspondence.json", "rows"),
    "demo": ("demo.json", "diagnosis"),
    "diagnose": ("diagnosis.json", "models"),
    "evolve": ("evolution.json", "layers"),
    "features": ("features.json", "layers"),
    "invariance": ("invariance.json", None),
    "relevance": ("relevance.json", "layers"),
    "train": ("training.json", "epochs"),
    "transfer": ("transfer.json", "rows"),
    "trust": ("trust.json", "layers"),
}
# Studies with a file of results for each image, and its folder.
_FOLDERS = {"explain": "explanations", "occlude": "occlusion", "why": "why"}
# Where arrays are that are results. Others are what a run resumes from.
_ARRAYS = ("projections", *_FOLDERS.values(), "trust/images")
# A notebook keeps what it shows in its file, so the figures of a run are bounded, in bytes.
_MOST_SHOWN = 6_000_000


class Run:
    """A run's folder: its records, arrays and figures, whichever study made it.

    Attributes:
        path: The folder.
        study: The command that made it, as `features`.
        settings: What the results depend on: the model, the images and the command's options.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Opens a run.

        Raises:
            SwitchbackError: The folder is not there, is no run, or is of a later version.
        """
        self.path = Path(path)
        header = self._json("run.json", f"{path} is not a run of Switchback: it has no run.json.")
        if not isinstance(header, dict) or not {"format", "kind", "configuration"} <= header.keys():
            raise SwitchbackError(f"{path} is not a run of Switchback: its run.json holds something else.")
        if header["format"] != _FORMAT:
            raise SwitchbackError(
                f"{path} was made by another version of Switchback: its format is {header['format']}, and "
                f"this "
                f"one reads {_FORMAT}. Update with pip install --upgrade switchback, or make the run again."
            )
        self.study: str = header["kind"]
        self.settings: dict[str, Any] = header["configuration"]

    def __repr__(self) -> str:
        """The run's folder, its study, and whether it is finished."""
        return f"Run({str(self.path)!r})  # {self.study}{'' if self.is_finished else ', not finished'}"

    def _json(self, file: str, missing: str) -> Any:
        try:
            return json.loads((self.path / file).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise SwitchbackError(missing) from None
        except (OSError, ValueError) as error:
            raise SwitchbackError(f"{self.path / file} cannot be read: {error}") from None

    @property
    def is_finished(self) -> bool:
        """Whether the run is whole. It is not after Ctrl-C, or while the command works on it."""
        # A search alone has no page.
        last = "features.json" if self._is_search else "index.html"
        return (self.path / last).exists()

    @property
    def _is_search(self) -> bool:
        return self.study == "features" and bool(self.settings.get("searchOnly"))

    def _check_finished(self) -> None:
        if self.is_finished:
            return
        if (self.path / "part.json").exists():
            raise SwitchbackError(f"{self.path} is part of a job. Join the parts with switchback.merge.")
        raise SwitchbackError(f"{self.path} is not finished. Make the same call again: it resumes.")

    @property
    def page(self) -> Path:
        """The page with the run's figures.

        Raises:
            SwitchbackError: The run is not finished, or a search, which has none.
        """
        self._check_finished()
        if self._is_search:
            raise SwitchbackError(f"{self.path} is a search alone, without a page. Leave search_only out.")
        return self.path / "index.html"

    @property
    def skipped(self) -> list[dict[str, Any]]:
        """The images and files that were left out, each with the reason."""
        self._check_finished()
        return list(self._json("skipped.json", f"{self.path} does not say what it left out."))

    # Records

    @property
    def result(self) -> Any:
        """All that the run found, as its JSON says it: see `records` for what fits a table.

        Raises:
            SwitchbackError: The run is not finished.
        """
        self._check_finished()
        if self.study in _FOLDERS:
            files = sorted((self.path / _FOLDERS[self.study]).glob("*.json"), key=_by_number)
            return [
                {"name": file.stem, **self._json(f"{file.parent.name}/{file.name}", "")} for file in files
            ]
        if self.study not in _RESULTS:
            raise SwitchbackError(
                f"{self.path} is a run of '{self.study}', which this version does not know. Update with pip "
                f"install "
                f"--upgrade switchback, or read the files in the folder."
            )
        file = _RESULTS[self.study][0]
        return self._json(file, f"{self.path} is not finished: it has no {file}. Make the same call again.")

    def records(self) -> list[dict[str, Any]]:
        """What the run found, as a list of records.

        Of `features` a record is one of a unit's strongest activations, as of `peaks`; of `diagnose` a
        finding; of `train` an epoch; of `trust` a layer or a method; of other studies an image, a layer, a
        pair or a trial. Values that are lists or objects stay so.
        """
        if self.study in ("features", "relevance"):
            return self.peaks()
        result = self.result
        if self.study == "diagnose":
            return [
                {"model": model["model"], **finding}
                for model in result["models"]
                for finding in model["findings"]
            ]
        if self.study == "trust":
            return list(result["methods"] or result["layers"])
        key = _RESULTS[self.study][1] if self.study in _RESULTS else None
        return list(result[key] if key else result)

    def peaks(self) -> list[dict[str, Any]]:
        """Each unit's strongest activations, of a run of `features`: a record each, the strongest of rank 0.

        A record says the layer, unit, rank, image and value, the row and column in the feature map, and the
        receptive field in the image as prepared for the network: top, left, bottom, right.

        Raises:
            SwitchbackError: The run is of another study, or not finished.
        """
        return [
            {"layer": layer["layer"], "unit": unit["unit"], "rank": rank, **_flat(peak)}
            for layer in self._layers()
            for unit in layer["units"]
            for rank, peak in enumerate(unit["top"])
        ]

    @property
    def layers(self) -> list[str]:
        """The names of the layers of a run of `features`.

        Raises:
            SwitchbackError: The run is of another study, or not finished.
        """
        return [layer["layer"] for layer in self._layers()]

    def _layers(self) -> list[dict[str, Any]]:
        self._check_features("peaks", "features", "relevance")
        return list(self.result["layers"])

    def _check_features(self, what: str, *studies: str) -> None:
        if self.study not in studies:
            raise SwitchbackError(
                f"{self.path} is a run of {self.study}, and {what} are in runs of features."
            )

    def frame(self) -> "pandas.DataFrame":
        """The records as a DataFrame.

        Raises:
            SwitchbackError: pandas is not installed, or the run is not finished.
        """
        try:
            import pandas
        except ImportError:
            raise SwitchbackError(
                "tables need pandas: pip install pandas. `records()` works without it."
            ) from None
        return pandas.DataFrame.from_records(self.records())

    # Arrays

    @property
    def arrays(self) -> "Arrays":
        """The run's projections or maps as NumPy arrays, each read when it is asked for."""
        return Arrays(self.path)

    def projections(self, layer: str) -> "Projections":
        """The projections of a layer's units, of a run of `features`.

        Args:
            layer: Its name, one of `layers`.

        Raises:
            SwitchbackError: The run keeps no arrays of it.
        """
        self._check_features("projections", "features")
        kept = {}
        for file in sorted((self.path / "projections").glob("*.safetensors"), key=_by_number):
            with _opened(file) as arrays:
                kept[(arrays.metadata() or {}).get("layer", file.stem)] = file
        if layer not in kept:
            there = f"it keeps {', '.join(kept)}" if kept else "it keeps none: make it with arrays=True"
            raise SwitchbackError(f"{self.path} keeps no arrays of a layer '{layer}'; {there}.")
        return Projections(kept[layer])

    # Figures

    @property
    def figures(self) -> list[Path]:
        """The files of the run's figures, as SVG."""
        return sorted((self.path / "figures").glob("*.svg"), key=_by_number)

    def _repr_html_(self) -> str:
        """The run's first figures and the path of its page, for a notebook."""
        page = self.path / "index.html"
        where = html.escape(str(page if page.exists() else self.path))
        state = "" if self.is_finished else ", not finished"
        parts = [f"<p><b>{html.escape(self.study)}</b>{state} <code>{where}</code></p>"]
        size = 0
        figures = self.figures
        for number, figure in enumerate(figures):
            small = figure.with_suffix(".png")
            shown = small if small.exists() and small.stat().st_size < figure.stat().st_size else figure
            size += shown.stat().st_size
            if size > _MOST_SHOWN:
                parts.append(f"<p>{number} of {len(figures)} figures are shown; the page has all.</p>")
                break
            kind = "image/png" if shown == small else "image/svg+xml"
            data = base64.b64encode(shown.read_bytes()).decode("ascii")
            name = html.escape(figure.stem)
            parts.append(f'<img style="max-width:100%" alt="{name}" src="data:{kind};base64,{data}">')
        return "\n".join(parts)

    def open(self) -> None:
        """Opens the run's page in the browser."""
        webbrowser.open(self.page.resolve().as_uri())

    def explore(self, *beside: "Run | str | PathLike[str]", open: bool = True) -> Explorer:
        """Starts the explorer: a page for every unit, and your own image live.

        Args:
            beside: Runs of other studies to show with this one of `features`.
            open: Whether the browser is opened.

        Returns:
            The explorer, which runs until it is stopped or this program ends.

        Raises:
            SwitchbackError: It does not start.
        """
        others = [run.path if isinstance(run, Run) else Path(run) for run in beside]
        explorer = Explorer([self.path, *others])
        if open:
            webbrowser.open(explorer.url)
        return explorer


def _flat(peak: dict[str, Any]) -> dict[str, Any]:
    """A peak whose box is four values of its own."""
    return {**peak, **dict(zip(("top", "left", "bottom", "right"), peak.pop("box"), strict=True))}


def _by_number(file: Path) -> list[tuple[int, str]]:
    """Orders names as people do: 9 before 10."""
    parts = re.split(r"([0-9]+)", file.name)
    return [(int(part), "") if number % 2 else (0, part) for number, part in enumerate(parts)]


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """A file of arrays, none of which is read yet."""
    try:
        with safe_open(file, framework="numpy") as arrays:
            yield arrays
    except (OSError, SafetensorError) as error:
        raise SwitchbackError(f"{file} cannot be read: {error}. Delete the run and make it again.") from error


class Arrays(Mapping[str, Array]):
    """Arrays of a run, each read when it is asked for.

    Names are of folder, file and array, as `explanations/cat/gradcam`.
    """

    def __init__(self, path: Path) -> None:
        """Looks for the arrays in a run's folder."""
        self._files: dict[str, tuple[Path, str]] = {}
        for folder in _ARRAYS:
            for file in sorted((path / folder).glob("*.safetensors"), key=_by_number):
                with _opened(file) as arrays:
                    self._files.update(
                        {f"{folder}/{file.stem}/{name}": (file, name) for name in arrays.keys()}
                    )

    def __getitem__(self, name: str) -> Array:
        """Reads one array."""
        file, key = self._files[name]
        with _opened(file) as arrays:
            array: Array = arrays.get_tensor(key)
        return array

    def __iter__(self) -> Iterator[str]:
        """The arrays' names."""
        return iter(self._files)

    def __len__(self) -> int:
        """How many arrays there are."""
        return len(self._files)


class Projections(Mapping[int, Array]):
    """A layer's projections by unit: each rank x rows x columns x channels, read when it is asked for.

    Values are in the units of the network's input. A rank without an activation is zero.
    """

    def __init__(self, file: Path) -> None:
        """Opens a layer's file."""
        self._file = file
        with _opened(file) as arrays:
            self._places = {int(unit): place for place, unit in enumerate(arrays.get_tensor("units"))}

    def __getitem__(self, unit: int) -> Array:
        """Reads one unit's projections."""
        return self._read("projections", unit)

    def boxes(self, unit: int) -> Array:
        """Where each of a unit's projections lies in the network's input: top, left, bottom, right."""
        return self._read("boxes", unit)

    def _read(self, name: str, unit: int) -> Array:
        place = self._places[unit]
        with _opened(self._file) as arrays:
            array: Array = arrays.get_slice(name)[place : place + 1][0]
        return array

    def __iter__(self) -> Iterator[int]:
        """The units that were projected."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many units were projected."""
        return len(self._places)
