"""How a rule set writes the results of all routes: the leaderboard's document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from auxdrive_eval.route import Route
from auxdrive_eval.scoring.records import RouteForm, RouteRecord

SCORES = ("score_composed", "score_penalty", "score_route")
"""The scores of a route: their names in every rule set."""


class MakeDocument(Protocol):
    """Makes the results document."""

    def __call__(
        self,
        records: Sequence[RouteRecord],
        total_routes: int,
        sensors: Sequence[str],
        *,
        finished: bool,
    ) -> dict[str, Any]:
        """The document as JSON's types, with the leaderboard's own keys.

        Args:
            records: of the drives that are finished so far, in order.
            total_routes: number of all drives; each repeat of a route counts.
            sensors: the leaderboard's names of the agent's sensors, such as "carla_camera".
            finished: whether all drives are done.
        """


@dataclass(frozen=True, slots=True)
class ResultForm:
    """How a rule set writes its results.

    Attributes:
        routes: how it writes one route.
        length_m: the length that it says a route has.
        global_record: computes what is said of all routes, from their records and the number of
            all drives.
        means: the key of the mean scores in that.
        labelled: a label of the document, and where its value stands in the global record.
        document: makes the whole document.
        sort_keys: whether the file's keys are in alphabetical order.
        drive_rate: what one drive adds to the number of an infraction in the global record: a
            numerator and a denominator, whose sums over all drives are divided. Takes the record,
            the infraction's key, and the number of all drives.
        rates: what a number of an infraction is, in words.
        rates_note: the same in a sentence.
    """

    routes: RouteForm
    length_m: Callable[[Route], float]
    global_record: Callable[[Sequence[RouteRecord], int], dict[str, Any]]
    means: str
    labelled: tuple[tuple[str, str, str], ...]
    document: MakeDocument
    sort_keys: bool
    drive_rate: Callable[[RouteRecord, str, int], tuple[float, float]]
    rates: str
    rates_note: str

    def text(self, document: dict[str, Any]) -> str:
        """The document as the leaderboard's file holds it.

        Args:
            document: of this form.
        """
        return json.dumps(document, indent=4, sort_keys=self.sort_keys) + "\n"


def added(values: Iterable[float]) -> float:
    """The sum, number by number, as the leaderboard adds: Python's own `sum` rounds otherwise from
    3.12 on.

    Args:
        values: in the order of the routes.
    """
    total: float = 0
    for value in values:
        total += value
    return total
