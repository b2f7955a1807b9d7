"""Runs reproductions and writes what they find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auxdrive.errors import UsageError
from auxdrive.html.document import encoded
from auxdrive.machine.facts import installed_version, machine_facts
from auxdrive.storage.publish import write_atomic
from auxdrive.strict import dump_json

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
        AuxdriveError: something that the user can correct.
    """
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


def _where() -> dict[str, str]:
    facts = machine_facts()
    versions = {name: installed_version(name) or "" for name in ("auxdrive", "torch", "numpy")}
    return {"machine": str(facts["processor"]), **versions}
