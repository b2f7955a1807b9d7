"""What a rule set is: which criteria watch a route, how their events are penalised, and how the
results are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auxdrive_eval.criteria import Criterion, Event, RouteCompletion
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.finished_run import Beside, FinishedRun
from auxdrive_eval.scoring.records import RouteRecord
from auxdrive_eval.scoring.results import ResultForm
from auxdrive_eval.scoring.summary import LEADERBOARD_1_RESULTS


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A way to judge a route.

    Attributes:
        criteria: makes the criteria of a route, except the completion, which every rule set
            measures.
        completion: makes the measure of how much of a route was driven.
        penalty: computes a factor, 0..1, from the events of a route.
        results: how records and document are written; those of leaderboard 1.0 by default.
        min_speed_checkpoints: at how many places of a route the ego's mean speed is compared with
            the traffic's; 0 where it is not.
        last_tick: the last tick that is judged; a route that goes on beyond it has failed. None
            where there is none.
        names: adds to a dumped record what the benchmark says beside it; None where it adds none.
        figures: computes what the benchmark says of a run beside its document; None where it says
            no more.
        unwatched: what the benchmark watches in CARLA and `criteria` do not, in words; it stands in
            the results of a drive.

    Examples:
        >>> from dataclasses import replace
        >>> from auxdrive_eval import RULE_SETS
        >>> lenient = replace(RULE_SETS["1.0"], penalty=lambda events: 1.0)
        >>> lenient.penalty([])
        1.0
    """

    criteria: Callable[[Route], tuple[Criterion, ...]]
    completion: Callable[[Route], RouteCompletion]
    penalty: Callable[[Sequence[Event]], float]
    results: ResultForm = LEADERBOARD_1_RESULTS
    unwatched: str = ""
    min_speed_checkpoints: int = 0
    last_tick: int | None = None
    names: Callable[[dict[str, Any], Mapping[str, Any]], dict[str, Any]] | None = None
    figures: Callable[[FinishedRun, Sequence[RouteRecord], Beside], dict[str, Any]] | None = None


def in_a_simulator(name: str, unwatched: str) -> str:
    """What a rule set does not watch in a simulator, as a sentence for users.

    Args:
        name: of the rule set.
        unwatched: as in `RuleSet`.
    """
    return f"rule set {name} in a simulator: {unwatched}"
