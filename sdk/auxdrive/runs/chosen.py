"""The run that is chosen in a folder of several, such as that of rounds of DAgger. Who takes a run
takes such a folder as well.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from auxdrive.errors import DataError, UsageError
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import is_file
from auxdrive.strict import Strict, dump_json, read_model

CHOSEN_NAME = "chosen.json"


class Chosen(Strict):
    """What `chosen.json` holds.

    Attributes:
        what: the kind of folder, for messages: "rounds of DAgger".
        run: the chosen run, by its place in the folder; None where there is none yet.
        why: it was chosen, in a few words.
    """

    what: str
    run: str | None = None
    why: str = ""


def write_chosen(folder: Path, chosen: Chosen) -> None:
    """Say which run is chosen.

    Args:
        folder: of several runs.
        chosen: the run, and why.

    Raises:
        DataError: the disk cannot be written.
    """
    write_atomic(folder / CHOSEN_NAME, dump_json(chosen.model_dump()))


def run_in(path: Path) -> Path:
    """The run that a user means by a folder: the chosen one where it holds several, else itself.

    Args:
        path: a folder of any kind; it need not exist.

    Raises:
        UsageError: no run in it is trained yet.
        DataError: `chosen.json` is damaged, or leads out of the folder.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive.runs import run_in
        >>> run_in(Path("runs/samd")).as_posix()
        'runs/samd'
    """
    if not is_file(path / CHOSEN_NAME, UsageError):
        return path
    chosen = read_model(path / CHOSEN_NAME, Chosen)
    if chosen.run is None:
        raise UsageError(
            f"{path}: holds {chosen.what}, none of which is trained yet; the command that began "
            "them goes on"
        )
    inside = PurePosixPath(chosen.run)
    if inside.is_absolute() or ".." in inside.parts:
        raise DataError(f"{path / CHOSEN_NAME} is damaged: {chosen.run} does not lie in {path}")
    return path / inside
