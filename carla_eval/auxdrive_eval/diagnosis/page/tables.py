"""The tables of diagnoses, for terminal and page alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from auxdrive.work import counted

from auxdrive_eval.criteria import KIND_TEXT
from auxdrive_eval.diagnosis.record import Diagnosis, kinds_there


class Table(NamedTuple):
    """A table.

    Attributes:
        columns: heads of the columns.
        rows: a cell for each.
        below: what must be said of it.
    """

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    below: tuple[str, ...]


def cost_table(diagnoses: Sequence[Diagnosis]) -> Table:
    """What each kind cost, the drives side by side.

    Args:
        diagnoses: of the drives.
    """
    columns = ["kind"]
    for name in names_of(diagnoses):
        columns += [f"{name}: points", "infractions + stops"]
    rows = []
    for kind in kinds_there(diagnoses):
        row = [kind.value]
        for each in diagnoses:
            infractions, stops = each.infractions()[kind], each.stops()[kind]
            points = each.costs.by_kind.get(kind, 0.0)
            row += [f"{points:.1f}", f"{infractions} + {stops}" if stops else f"{infractions}"]
        rows.append(tuple(row))
    together, lost, score = ["only several kinds together"], ["all that was lost"], ["score"]
    for each in diagnoses:
        costs = each.costs
        together += [f"{costs.together:+.1f}", ""]
        lost += [f"{costs.forgiven - costs.score:.1f}", ""]
        score += [f"{costs.score:.1f}", counted(each.driven, "drive")]
    rows += [tuple(together), tuple(lost), tuple(score)]
    below = (
        "Points: the score with the kind's infractions forgiven, less the score as it is. A route "
        "that they ended counts as completed then, so this is an upper bound.",
    )
    return Table(tuple(columns), rows, below)


def names_of(diagnoses: Sequence[Diagnosis]) -> list[str]:
    """A name for each drive: its driver, and its folder where drivers have the same name.

    Args:
        diagnoses: of the drives.
    """
    short = [
        each.driver + (f" {each.role}" if each.role not in ("", "student") else "")
        for each in diagnoses
    ]
    return [
        name if short.count(name) == 1 else each.path
        for name, each in zip(short, diagnoses, strict=True)
    ]


CASE_COLUMNS = ("#", "route", "time, s", "what", "kind")


def case_rows(diagnosis: Diagnosis) -> list[tuple[str, ...]]:
    """Each infraction and each stop of a drive, in `CASE_COLUMNS`.

    Args:
        diagnosis: of the drive.
    """
    return [
        (
            str(case.index),
            case.route_id,
            f"{case.began_s:.1f}"
            + (f" to {case.at_s:.1f}" if case.at_s - case.began_s >= 0.1 else ""),
            "stop" if case.event is None else KIND_TEXT[case.event],
            case.kind.value,
        )
        for case in diagnosis.cases
    ]
