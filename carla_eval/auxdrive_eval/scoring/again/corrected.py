"""What the leaderboards' own results get wrong, computed as it was meant: beside, never instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auxdrive_eval.scoring.records import RouteRecord
from auxdrive_eval.scoring.results import ResultForm, added
from auxdrive_eval.scoring.summary import LEADERBOARD_1_RESULTS


def corrected(form: ResultForm, records: Sequence[RouteRecord]) -> dict[str, Any]:
    """The corrected figures of a run, with what was wrong in words; without figures where nothing
    is known to be wrong.

    Leaderboard 1.0 adds up each route's infractions per kilometre, so that its number grows with
    the number of routes. It was meant to be the number per kilometre driven.

    Args:
        form: of the records.
        records: of the finished drives. Those of which nothing was driven do not count, as in the
            leaderboard.
    """
    if form is not LEADERBOARD_1_RESULTS:
        return {"what": "no error of these results is known"}
    driven = [record for record in records if record.scores.score_route > 0]
    km = added(
        record.scores.score_route / 100 * record.meta.route_length / 1000 for record in driven
    )
    return {
        "what": (
            "infractions per kilometre driven on all routes; the leaderboard's own are sums of "
            "each route's, which grow with the number of routes"
        ),
        "kilometres": km,
        "infractions": {
            kind.value: added(len(record.infractions[kind.value]) for record in driven) / km
            if km > 0
            else 0.0
            for kind in form.routes.kinds
        },
    }
