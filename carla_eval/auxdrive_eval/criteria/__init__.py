"""Criteria: each watches the world state and yields events. They are pure state machines; a rule
set of `auxdrive_eval.scoring` says which it uses.
"""

from auxdrive_eval.criteria.base import (
    KIND_TEXT,
    TERMINAL_KINDS,
    Criterion,
    Event,
    EventKind,
    Moment,
)
from auxdrive_eval.criteria.blocked import Blocked
from auxdrive_eval.criteria.collision import Collision
from auxdrive_eval.criteria.in_route import InRoute
from auxdrive_eval.criteria.min_speed import MinSpeed
from auxdrive_eval.criteria.outside_lanes import OutsideRouteLanes
from auxdrive_eval.criteria.red_light import RedLight
from auxdrive_eval.criteria.route_completion import RouteCompletion
from auxdrive_eval.criteria.route_timeout import GrowingTimeout, RouteTimeout
from auxdrive_eval.criteria.scenario_timeout import ScenarioTimeout
from auxdrive_eval.criteria.stop_sign import NearStopSign, StopSign

__all__ = [
    "KIND_TEXT",
    "TERMINAL_KINDS",
    "Blocked",
    "Collision",
    "Criterion",
    "Event",
    "EventKind",
    "GrowingTimeout",
    "InRoute",
    "MinSpeed",
    "Moment",
    "NearStopSign",
    "OutsideRouteLanes",
    "RedLight",
    "RouteCompletion",
    "RouteTimeout",
    "ScenarioTimeout",
    "StopSign",
]
