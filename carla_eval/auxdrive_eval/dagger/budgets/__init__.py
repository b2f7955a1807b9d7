"""The budgets: files of settings for `auxdrive dagger` that come with auxdrive, by name. Each holds
all that a student takes, from the expert's recording on.
"""

from __future__ import annotations

from pathlib import Path

from auxdrive.errors import UsageError
from auxdrive.registry import Registry, instance_of
from auxdrive.storage.reading import exists

QUICK = Path(__file__).with_name("quick.yaml")
STANDARD = Path(__file__).with_name("standard.yaml")

BUDGETS: Registry[Path] = Registry(
    "budget",
    "auxdrive.budgets",
    {
        "quick": "auxdrive_eval.dagger.budgets:QUICK",
        "standard": "auxdrive_eval.dagger.budgets:STANDARD",
    },
    check=instance_of("pathlib:Path"),
)
"""The files, by the budget's name."""


def config_file(given: str) -> Path:
    """The file that a user means.

    Args:
        given: the name of a budget, or else a path. A file that is called as a budget is given with
            its folder: ./quick.

    Raises:
        UsageError: there is no such budget, and no such file.
    """
    if given in BUDGETS:
        return BUDGETS[given]
    path = Path(given)
    if not exists(path, UsageError):
        raise UsageError(f"{given}: no such file; {BUDGETS.unknown(given)}")
    return path
