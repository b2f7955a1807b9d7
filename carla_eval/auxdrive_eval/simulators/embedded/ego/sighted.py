"""The expert that acts only on what lies in the student's view, so that it can be imitated. It
gives way to whom it sees, and is careful where it does not see.

It still knows the map, its route, and its own past. In a junction it keeps in mind for a moment
whom it saw coming, and glances at who is right beside it; on the last metres before a line it keeps
the light in mind; and it looks into mirrors where it changes lanes. No camera here shows these.
"""

from __future__ import annotations

import math

import numpy as np

from auxdrive_eval.simulators.embedded.ego.expert import LINE_MARGIN_M, Expert, stop_within
from auxdrive_eval.simulators.embedded.ego.giving_way import GivingWay, Own
from auxdrive_eval.simulators.embedded.ego.intent import Intent, Lead
from auxdrive_eval.simulators.embedded.ego.reasons import Cause, Why
from auxdrive_eval.simulators.embedded.ego.sight import EYE_M, Movers, Sight, View
from auxdrive_eval.simulators.embedded.ego.signal_places import SignalPlaces
from auxdrive_eval.simulators.embedded.ego.tracker import RouteTracker
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.model import Lane
from auxdrive_eval.simulators.embedded.traffic.bodies import Bodies
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.simulators.embedded.traffic.cars import Traffic
from auxdrive_eval.simulators.embedded.traffic.junctions import HARD_STOP_MPS2, ROOM_M
from auxdrive_eval.simulators.embedded.traffic.seen_ego import SeenEgo
from auxdrive_eval.world import LightColour

STOP_S = 1.0
"""So long it stands at a stop sign."""
LOOKS_M = 40.0
"""It thinks of a junction this early, and looks for its lamp at the latest `LAMP_M` before the
line.
"""
LAMP_M = 25.0
KEPT_FROM_M = 0.5
"""So much nearer to its line than it stops it keeps the light in mind where it sees no lamp."""
BEFORE_ZONE_M = 1.5
"""It stops so far before a place where others go first."""
FIRM_MPS2, HARDEST_MPS2 = 3.5, 6.0
"""It stops at its line for others if this deceleration is enough, else before the place itself."""
CAREFUL_MPS2, CREEP_MPS = 2.5, 2.5
"""Where somebody might come out of what it does not see, it drives no faster than it could stop
with this deceleration; but it creeps on until it sees.
"""
HIDDEN_FROM_M = 15.0
MEMORY_S, BESIDE_M = 4.0, 15.0
"""What it knows in a junction beyond its view, lest it be hit by who breaks the rules: whom it saw
coming less than this ago, and who is nearer than this. Both count as out of view where that is
measured.
"""
CLEAR_S = 0.5
SLOW_MPS = 3.0
PATH_M = np.arange(2.0, 26.1, 2.0)
PATH_SPARE_M = 2.0


class SightedExpert(Expert):
    """An `Expert` that acts on what its camera sees.

    Args:
        graph: the lanes of the town.
        tracker: where the ego is on its route.
        vehicle: the ego.
        traffic: the other cars, which see the ego go (`SeenEgo`).
        bodies: who is beside the traffic.
        sight: the camera.
        signals: of the town.
        rules: of the town's junctions.
    """

    def __init__(
        self,
        graph: LaneGraph,
        tracker: RouteTracker,
        vehicle: Vehicle,
        traffic: Traffic,
        bodies: Bodies,
        sight: Sight,
        signals: SignalPlaces,
        rules: GivingWay,
    ) -> None:
        super().__init__(graph, tracker, vehicle, traffic)
        self._bodies, self._sight = bodies, sight
        self._signals, self._rules = signals, rules
        self._seen_coming_s: dict[int, float] = {}

    def _causes(self, ego: Car) -> list[Cause]:
        view = self._sight.look(self._vehicle.pose, movers_of(self._traffic, self._bodies))
        speed = self._vehicle.speed_mps
        found = [Cause(Why.ROAD), *self._mirrors(ego)]
        known = view.seen_ids | self._kept_in_mind()
        ahead = self._traffic.next_ahead(ego, known)
        if ahead is not None:
            lead = Lead(ahead.gap_m, ahead.speed_mps)
            found.append(Cause(Why.AHEAD, lead, who=ahead.car_id))
        found.append(self._hidden_path(view))
        lanes = self._graph.town.lanes
        lane = lanes[ego.lane]
        if lane.junction_id is not None:
            front_m = ego.along_m + ego.length_m / 2
            own = Own(ego.lane, front_m, speed, ego.length_m)
            return [*found, *self._crossing(own, view), *self._unseen(own, view)]
        to_line_m = self._traffic.junctions.to_line_m(ego)
        if to_line_m > LOOKS_M or lanes[ego.ahead[0]].junction_id is None:
            return found
        own = Own(ego.ahead[0], -to_line_m, speed, ego.length_m)
        found += self._signal(ego, lane, to_line_m, view)
        found += self._room(ego, lane, to_line_m, view)
        found += self._crossing(own, view)
        return [*found, *self._unseen(own, view)]

    def intent(self, ego: Car | None) -> Intent:
        if ego is None:
            return super().intent(None)
        return self._held_by(self._causes(ego))

    def _margin_m(self, lane: Lane) -> float:
        """How far before the end of a lane it stops."""
        if lane.light_id is None and lane.stop_sign_id is None:
            return LINE_MARGIN_M
        return self._signals.margin_m(self._sight, lane, self._vehicle.parameters)

    def _signal(self, ego: Car, lane: Lane, to_line_m: float, view: View) -> list[Cause]:
        why = None
        if lane.light_id is not None:
            why = self._light(lane, lane.light_id, to_line_m, view)
        elif lane.stop_sign_id is not None and ego.waited_s < STOP_S:
            why = Why.STOP_SIGN
        if why is None:
            return []
        line = stop_within(to_line_m - self._margin_m(lane))
        return [Cause(why, line, lane=None if why is Why.HIDDEN else lane.lane_id)]

    def _light(self, lane: Lane, light_id: int, to_line_m: float, view: View) -> Why | None:
        """What a light asks of it. Who is nearer to the line than it would stop has seen the lamp,
        and may not see it any more: it keeps the light in mind, or else it would stand there for
        ever.
        """
        colour = self._traffic.colours.get(light_id, LightColour.RED)
        can_stop = self._can_stop(to_line_m)
        seen = self._signals.light_seen(view, light_id, colour)
        if not seen and to_line_m > self._margin_m(lane) - KEPT_FROM_M:
            return Why.HIDDEN if to_line_m < LAMP_M and can_stop else None
        stops = can_stop or (seen and colour is LightColour.RED)
        return Why.LIGHT if stops and colour is not LightColour.GREEN else None

    def _can_stop(self, to_line_m: float) -> bool:
        return self._vehicle.speed_mps**2 / (2 * HARD_STOP_MPS2) <= max(to_line_m, 0.0)

    def _room(self, ego: Car, lane: Lane, to_line_m: float, view: View) -> list[Cause]:
        """The last car that is seen on the lane behind the junction, if it leaves no room there."""
        beyond = self._graph.town.lanes[ego.ahead[0]].successors[0]
        seen = [
            other
            for other in self._traffic.occupancy.get(beyond, ())
            if other.car_id in view.seen_ids
        ]
        if not seen or not self._can_stop(to_line_m):
            return []
        last = min(seen, key=lambda other: other.tail_m)
        if last.speed_mps > SLOW_MPS or last.tail_m > ego.length_m + ROOM_M:
            return []
        line = stop_within(to_line_m - self._margin_m(lane))
        return [Cause(Why.ROOM, line, who=last.car_id)]

    def _crossing(self, own: Own, view: View) -> list[Cause]:
        """Those who go first: it stops at its line for them, or before where their ways meet."""
        junctions, cars = self._traffic.junctions, self._traffic.cars
        assert isinstance(junctions, SeenEgo)
        known = view.seen_ids | self._kept_in_mind() | self._beside(view)
        seen = [car for car in cars.values() if car.car_id in known]
        found = []
        for rival in self._rules.rivals(own, seen, junctions.green_s):
            if rival.comes and rival.car_id in view.seen_ids:
                self._seen_coming_s[rival.car_id] = junctions.time_s
            braking_m = own.speed_mps**2 / 2
            line_m = -own.front_m - self._margin_m(self._arriving(own))
            zone_m = rival.from_m - BEFORE_ZONE_M - own.front_m
            if line_m + 0.5 >= braking_m / FIRM_MPS2:
                found.append(Cause(Why.CROSSING, stop_within(line_m), who=rival.car_id))
            elif zone_m + 1.0 >= braking_m / HARDEST_MPS2:
                found.append(Cause(Why.CROSSING, stop_within(zone_m), who=rival.car_id))
        return found

    def _kept_in_mind(self) -> frozenset[int]:
        """Those whom it saw coming a moment ago, and who have left its view."""
        junctions = self._traffic.junctions
        assert isinstance(junctions, SeenEgo)
        since_s = junctions.time_s - MEMORY_S
        return frozenset(who for who, seen_s in self._seen_coming_s.items() if seen_s >= since_s)

    def _beside(self, view: View) -> frozenset[int]:
        """Those who are right beside it, or behind, as a glance over the shoulder tells."""
        return view.within(self._vehicle.centre, BESIDE_M)

    def _arriving(self, own: Own) -> Lane:
        lanes = self._graph.town.lanes
        return lanes[lanes[own.connector].predecessors[0]]

    def _unseen(self, own: Own, view: View) -> list[Cause]:
        """Care for who may come with priority from where it does not see."""
        if own.front_m < -HIDDEN_FROM_M:
            return []
        found = []
        for approach in self._rules.approaches(own.connector):
            left_m = approach.from_m - own.front_m
            hidden = approach.away_m[~view.sees(approach.places)] if left_m > 0.0 else ()
            if not len(hidden):
                continue
            clear_s = self._rules.clear_s(own, approach.to_m)
            if approach.arrives_s(float(np.min(hidden))) < clear_s + CLEAR_S:
                stopping_mps = math.sqrt(2 * CAREFUL_MPS2 * max(left_m - BEFORE_ZONE_M, 0.0))
                found.append(Cause(Why.HIDDEN, limit_mps=max(stopping_mps, CREEP_MPS)))
        return found

    def _hidden_path(self, view: View) -> Cause:
        """It can stop within what it sees of its way, as far as things that stand hide it."""
        at_m = self._tracker.progress_m + self._nose_m + PATH_M
        places = np.full((len(at_m), 3), EYE_M)
        places[:, :2] = self._tracker.points_at(at_m)
        hidden = np.flatnonzero(~view.sees(places, movers=False))
        seen_m = float(PATH_M[hidden[0]]) if len(hidden) else math.inf
        limit_mps = math.sqrt(2 * CAREFUL_MPS2 * max(seen_m - PATH_SPARE_M, 0.5))
        return Cause(Why.HIDDEN, limit_mps=limit_mps)

    @property
    def _nose_m(self) -> float:
        parameters = self._vehicle.parameters
        return parameters.length_m - parameters.rear_overhang_m


def movers_of(traffic: Traffic, bodies: Bodies) -> Movers:
    """Everybody who moves, or may.

    Args:
        traffic: the cars.
        bodies: the others.
    """
    heights = [car.height_m for car in traffic.cars.values()]
    if not bodies:
        return Movers(traffic.boxes(), np.array(heights), tuple(traffic.cars))
    heights += [body.size_m[2] for body in bodies.all.values()]
    boxes = np.vstack([traffic.boxes(), bodies.boxes()])
    return Movers(boxes, np.array(heights), (*traffic.cars, *bodies.all))
