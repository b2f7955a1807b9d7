"""auxdrive_eval: simulators, routes, criteria, scoring and reports in closed loop.

from auxdrive_eval import SimulatorSettings, make_simulator

simulator = make_simulator(SimulatorSettings(kind="embedded"))
"""

import logging
from typing import TYPE_CHECKING

from auxdrive.fronts import front
from auxdrive.machine.openmp import wait_passively

if TYPE_CHECKING:
    from auxdrive_eval.collecting.collect import collect
    from auxdrive_eval.collecting.seating import Student
    from auxdrive_eval.collecting.settings import CollectSettings, collect_settings
    from auxdrive_eval.criteria.base import Criterion, Event, EventKind
    from auxdrive_eval.dagger.rounds import dagger_in
    from auxdrive_eval.dagger.settings import DaggerConfig
    from auxdrive_eval.driving.evaluate import drive_all
    from auxdrive_eval.driving.onlookers.keeping import KeepOptions
    from auxdrive_eval.driving.onlookers.record_settings import RecordOptions
    from auxdrive_eval.driving.settings import DriverSource, EvaluationSettings
    from auxdrive_eval.road_maps.geo import GeoReference
    from auxdrive_eval.road_maps.town_map import TownMap
    from auxdrive_eval.route import Route
    from auxdrive_eval.routes.agent_plan import agent_plan
    from auxdrive_eval.routes.loading import load_routes
    from auxdrive_eval.routes.planner import RoutePlanner
    from auxdrive_eval.scoring import RULE_SETS
    from auxdrive_eval.scoring.rule_sets import RuleSet
    from auxdrive_eval.simulators import SIMULATORS
    from auxdrive_eval.simulators.base import Simulator, SimulatorOptions, SimulatorSpec
    from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
    from auxdrive_eval.team_agent.config import LeaderboardConfig, leaderboard_config
    from auxdrive_eval.weather import Weather
    from auxdrive_eval.world import WorldState

__getattr__, __dir__ = front(__name__, {
    "collecting.collect": "collect",
    "collecting.seating": "Student",
    "collecting.settings": "CollectSettings collect_settings",
    "criteria.base": "Criterion Event EventKind",
    "dagger.rounds": "dagger_in",
    "dagger.settings": "DaggerConfig",
    "driving.evaluate": "drive_all",
    "driving.onlookers.keeping": "KeepOptions",
    "driving.onlookers.record_settings": "RecordOptions",
    "driving.settings": "DriverSource EvaluationSettings",
    "road_maps.geo": "GeoReference",
    "road_maps.town_map": "TownMap",
    "route": "Route",
    "routes.agent_plan": "agent_plan",
    "routes.loading": "load_routes",
    "routes.planner": "RoutePlanner",
    "scoring": "RULE_SETS",
    "scoring.rule_sets": "RuleSet",
    "simulators": "SIMULATORS",
    "simulators.base": "Simulator SimulatorOptions SimulatorSpec",
    "simulators.settings": "SimulatorSettings make_simulator",
    "team_agent.config": "LeaderboardConfig leaderboard_config",
    "weather": "Weather",
    "world": "WorldState",
})  # fmt: skip

wait_passively()  # torch is imported with the agents, also in worker processes
logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library prints nothing

__all__ = [
    "RULE_SETS", "SIMULATORS", "CollectSettings", "Criterion", "DaggerConfig", "DriverSource",
    "EvaluationSettings", "Event", "EventKind", "GeoReference", "KeepOptions", "LeaderboardConfig",
    "RecordOptions", "Route", "RoutePlanner", "RuleSet", "Simulator", "SimulatorOptions",
    "SimulatorSettings", "SimulatorSpec", "Student", "TownMap", "Weather", "WorldState",
    "agent_plan", "collect", "collect_settings", "dagger_in", "drive_all", "leaderboard_config",
    "load_routes", "make_simulator",
]  # fmt: skip
