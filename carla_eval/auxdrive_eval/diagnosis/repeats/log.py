"""The facts of a drive that cannot be repeated: simulators that do not foresee, such as CARLA's,
keep them while they are driven.

routes/<index>/facts.json   the `Noted` moments, every 0.25 s, and whenever something is hit
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.data.plan import PLAN_TIMES_S
from auxdrive.errors import DataError
from auxdrive.geometry import cumulative_length
from auxdrive.storage.reading import is_file, read_bytes
from auxdrive.types import UInt8
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from auxdrive_eval.diagnosis.cases import STEP_S, Case
from auxdrive_eval.diagnosis.facts import Instant
from auxdrive_eval.diagnosis.repeats.repeat import AHEAD_S, Seen, Shot
from auxdrive_eval.diagnosis.repeats.watching import Watching
from auxdrive_eval.driving.onlookers.base import Moment
from auxdrive_eval.driving.onlookers.decisions import Predicted
from auxdrive_eval.driving.runner import RouteResult
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.driving.stored.route_files import FACTS
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.capabilities import Planning

_LARGEST = 256 << 20
NEAR_S = 0.3
"""A fact this near to an image's time tells what it shows."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A moment that was kept.

    Attributes:
        instant: its facts.
        expert_ego_m: where the expert meant to be at `AHEAD_S`, in the ego frame; empty where the
            simulator's expert does not say what it means to do.
    """

    instant: Instant
    expert_ego_m: tuple[tuple[float, float], ...] = ()


_Moments = TypeAdapter(tuple[Noted, ...])


class FactsLog:
    """Keeps the facts of one drive; see `auxdrive_eval.driving.onlookers.base.Onlooker`.

    Args:
        simulator: in which the route is driven.
        route: that is driven.
    """

    def __init__(self, simulator: Simulator, route: Route) -> None:
        self._watching = Watching(simulator, route)
        self._every = max(1, round(STEP_S / simulator.tick_s))
        self._noted: list[Noted] = []
        self._touched: frozenset[int] = frozenset()

    def look(self, moment: Moment) -> None:
        """Note the facts of this tick, if it is its turn or something new is touched."""
        state = moment.state
        self._watching.move(state)
        touched = frozenset(contact.other_id for contact in state.contacts)
        if state.frame % self._every == 0 or touched - self._touched:
            instant = self._watching.instant(state, stands=False)
            self._noted.append(Noted(instant, _meant(moment.simulator)))
        self._touched = touched

    def end(self, result: RouteResult) -> Mapping[str, bytes]:
        """The file, unless the simulation crashed."""
        return {} if result.crashed else {FACTS: _Moments.dump_json(tuple(self._noted))}

    def drop(self) -> None:
        """Forget everything."""
        self._noted = []


def _meant(simulator: Simulator) -> tuple[tuple[float, float], ...]:
    """Where the expert means to be at `AHEAD_S`."""
    if not isinstance(simulator, Planning):
        return ()
    plan = simulator.expert_plan()
    path = np.concatenate([np.zeros((1, 2)), plan.path_ego_m])
    along_m = cumulative_length(path)
    times = np.concatenate([[0.0], PLAN_TIMES_S])
    speeds = np.concatenate([plan.speeds_mps[:1], plan.speeds_mps])
    driven_m = np.concatenate([[0.0], np.cumsum(np.diff(times) * (speeds[1:] + speeds[:-1]) / 2)])
    at_m = np.interp(AHEAD_S, times, driven_m)
    x_m, y_m = (np.interp(at_m, along_m, path[:, axis]) for axis in (0, 1))
    return tuple(zip(x_m.tolist(), y_m.tolist(), strict=True))


def read_facts(route: StoredRoute) -> tuple[Noted, ...] | None:
    """The facts that were kept with a stored drive; None if none were.

    Args:
        route: the drive.

    Raises:
        DataError: the file is damaged.
    """
    path = route.beside.get(FACTS)
    if path is None or isinstance(path, bytes) or not is_file(path):
        return None
    try:
        return _Moments.validate_json(read_bytes(path, _LARGEST))
    except ValidationError as error:
        raise DataError(f"{path}: is damaged; remove the route's folder to drive again") from error


def recalled(
    cases: Sequence[Case],
    noted: Sequence[Noted],
    predictions: Sequence[Predicted],
    route: StoredRoute,
) -> tuple[Seen, ...]:
    """What the kept facts tell of the cases. The images are those of the film.

    Args:
        cases: what is looked at.
        noted: the facts of the drive.
        predictions: those of the drive.
        route: the drive, with its film.
    """
    found = []
    for case in cases:
        until_s = case.at_s + STEP_S
        within = [each for each in noted if case.from_s <= each.instant.time_s <= until_s]
        seen = Seen(case, [each.instant for each in within], reached=bool(within))
        seen.shots = list(_shots(case, within, predictions, route))
        found.append(seen)
    return tuple(found)


def _shots(
    case: Case,
    within: Sequence[Noted],
    predictions: Sequence[Predicted],
    route: StoredRoute,
) -> Iterator[Shot]:
    if not within:
        return
    film = {time_s: data for time_s, data in route.film if case.from_s <= time_s <= case.at_s}
    trace = route.trace
    for time_s in sorted({*film, *case.shown_s}):
        nearby = min(within, key=lambda each: abs(each.instant.time_s - time_s))
        if abs(nearby.instant.time_s - time_s) > NEAR_S:
            continue
        past = (each for each in predictions if each.time_s <= time_s + 1e-9)
        nearest = trace[int(np.argmin(np.abs(trace["time_s"] - time_s)))]
        yield Shot(
            nearby.instant,
            (float(nearest["x_m"]), float(nearest["y_m"])),
            max(past, key=lambda each: each.time_s, default=None),
            np.array(nearby.expert_ego_m) if nearby.expert_ego_m else None,
            _decoded(film[time_s]) if time_s in film else None,
        )


def _decoded(data: bytes) -> UInt8:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
