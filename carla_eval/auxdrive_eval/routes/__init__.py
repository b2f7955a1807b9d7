"""Routes: the files of CARLA's leaderboards are read into specifications in the right-handed world
frame, and these are planned into routes that can be driven.
"""

from auxdrive_eval.routes.agent_plan import SAMPLE_1_M, SAMPLE_2_M, PlanPoint, agent_plan
from auxdrive_eval.routes.loading import load_routes
from auxdrive_eval.routes.planner import DenseRoute, RoutePlanner
from auxdrive_eval.routes.scenarios10 import ScenarioSite, load_scenarios
from auxdrive_eval.routes.spec import Place, RouteSpec, Scenario
from auxdrive_eval.routes.weather import carla_attributes, weather_at
from auxdrive_eval.routes.xml10 import write_routes
from auxdrive_eval.weather import RouteWeather

__all__ = [
    "SAMPLE_1_M",
    "SAMPLE_2_M",
    "DenseRoute",
    "Place",
    "PlanPoint",
    "RoutePlanner",
    "RouteSpec",
    "RouteWeather",
    "Scenario",
    "ScenarioSite",
    "agent_plan",
    "carla_attributes",
    "load_routes",
    "load_scenarios",
    "weather_at",
    "write_routes",
]
