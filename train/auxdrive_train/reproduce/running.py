"""Runs reproductions and writes what they find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auxdrive.errors import UsageError
from auxdrive.html.document import encoded
from auxdrive.machine.facts import installed_version, machine_facts
from auxdrive.storage.publish import write_atomic
from auxdrive.strict import dump_json

from auxdrive_train.engine.run_folder import source_commit
from auxdrive_train.reproduce import REPRODUCTIONS
from auxdrive_train.reproduce.base import Workshop
from auxdrive_train.reproduce.findings import Findings
from auxdrive_train.reproduce.page import reproduction_page

FINDINGS, PAGE = "findings.json", "page.html"
ALL = "all"


def names_of(name: str) -> tuple[str, ...]:
    """The reproductions that a name means.

    Args:
        name: one, or "all".

    Raises:
        UsageError: there is none of that name.
    """
    if name == ALL:
        return tuple(REPRODUCTIONS.names())
    if name not in REPRODUCTIONS:
        raise UsageError(REPRODUCTIONS.unknown(name))
    return (name,)


def reproduce(names: Sequence[str], workshop: Workshop) -> list[Findings]:
    """Run reproductions one after the other. Each has a folder of its name and its budget in the
    workshop's, with its data, its runs, `findings.json` and `page.html`; what is finished is not
    done again. Several have a common page.

    Args:
        names: which.
        workshop: where, and how.

    Raises:
        UsageError: there are data that nobody takes.
        AuxdriveError: something else that the user can correct.
    """
    _refuse_idle_data(names, workshop)
    found = []
    for name in names:
        folder = workshop.folder / f"{name}-{workshop.budget}"
        own = replace(workshop, folder=folder, trained={})
        made = REPRODUCTIONS[name]().find(own)
        made = made.model_copy(
            update={
                "runs": len(own.trained),
                "seconds": sum(each.trained_s for each in own.trained.values()),
                "where": _where(),
            }
        )
        write_atomic(folder / FINDINGS, dump_json(made.model_dump(mode="json")))
        write_atomic(folder / PAGE, encoded(reproduction_page([made])))
        found.append(made)
    if len(found) > 1:
        write_atomic(workshop.folder / PAGE, encoded(reproduction_page(found)))
    return found


def _refuse_idle_data(names: Sequence[str], workshop: Workshop) -> None:
    """Refuse `--data` where it would be ignored, or taken by reproductions that it is not for."""
    if workshop.data is None:
        return
    if len(names) > 1:
        raise UsageError("--data is for one reproduction; run those that need it by their names")
    if not REPRODUCTIONS[names[0]].takes:
        raise UsageError(f"{names[0]} makes its own data; leave --data out")


def _where() -> dict[str, str]:
    versions = {name: installed_version(name) or "" for name in ("auxdrive", "torch", "numpy")}
    machine = str(machine_facts()["processor"])
    return {"machine": machine, "commit": source_commit(), **versions}
