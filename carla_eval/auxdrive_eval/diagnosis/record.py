"""A diagnosis as it is stored: `diagnosis.json` in the drive's folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from auxdrive.strict import Strict

from auxdrive_eval.criteria import EventKind
from auxdrive_eval.diagnosis.cost import Costs
from auxdrive_eval.diagnosis.facts import Instant
from auxdrive_eval.diagnosis.kinds import Kind

DIAGNOSIS_NAME = "diagnosis.json"


class MomentRecord(Strict):
    """A moment that is shown.

    Attributes:
        facts: what there is to know of it.
        predicted: the row of the model's last prediction, flat; empty without one.
        predicts: the name and unit of its output; empty without one.
        expert_ego_m: where the expert would be after 0.5, 1, 1.5 and 2 s, in the ego frame; empty
            where the simulator cannot tell.
    """

    facts: Instant
    predicted: tuple[float, ...] = ()
    predicts: str = ""
    expert_ego_m: tuple[tuple[float, float], ...] = ()


class CaseRecord(Strict):
    """An infraction or a stop.

    Attributes:
        index: number of the drive among all of the evaluation.
        route_id: of its route.
        town: of its route.
        repeat: which of the route's repeats.
        event: what the rule set's criterion reported; None for a stop that cost nothing by itself.
        message: the criterion's own words.
        kind: into which it was sorted.
        why: by which rule.
        words: the facts, a sentence each.
        began_s: when it began.
        at_s: when it was decided, or ended.
        moments: those that are shown; none where the route could not be driven again so far.
    """

    index: int
    route_id: str
    town: str
    repeat: int
    event: EventKind | None
    message: str
    kind: Kind
    why: str
    words: tuple[str, ...]
    began_s: float
    at_s: float
    moments: tuple[MomentRecord, ...] = ()


class RouteCosts(Strict):
    """What one drive of a route lost.

    Attributes:
        index: number of the drive.
        route_id: of its route.
        costs: what each kind cost.
    """

    index: int
    route_id: str
    costs: Costs


class Diagnosis(Strict):
    """Why a driver lost its points on a drive.

    Attributes:
        path: the drive's folder.
        driver: as in the drive's settings.
        role: likewise.
        rules: the rule set.
        simulator: name and version of the worlds.
        driven: how many drives of routes are in it.
        total: how many were planned.
        costs: what each kind cost, in the mean over the drives.
        routes: the same for each.
        cases: every infraction and every stop.
        notes: what is not known, and why.
    """

    path: str
    driver: str
    role: str
    rules: str
    simulator: str
    driven: int
    total: int
    costs: Costs
    routes: tuple[RouteCosts, ...]
    cases: tuple[CaseRecord, ...]
    notes: tuple[str, ...] = ()

    def infractions(self) -> Counter[Kind]:
        """How many infractions are of each kind."""
        return Counter(case.kind for case in self.cases if case.event is not None)

    def stops(self) -> Counter[Kind]:
        """How many stops that cost nothing by themselves are of each kind."""
        return Counter(case.kind for case in self.cases if case.event is None)


def kinds_there(diagnoses: Sequence[Diagnosis]) -> list[Kind]:
    """The kinds that occur in any of some diagnoses, those that cost most first.

    Args:
        diagnoses: of drives.
    """
    there = {case.kind for each in diagnoses for case in each.cases}
    there |= {kind for each in diagnoses for kind in each.costs.by_kind}

    def cost(kind: Kind) -> float:
        return sum(each.costs.by_kind.get(kind, 0.0) for each in diagnoses)

    return sorted(there, key=lambda kind: (-cost(kind), list(Kind).index(kind)))
