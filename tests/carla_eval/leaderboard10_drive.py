"""Drives one route with the agent as leaderboard 1.0 does, by its own agent, wrapper, sensors and
GPS; without its scenarios and its evaluator, which ends in `load_world` with the client 0.9.16. The
dense route is our planner's.

`python leaderboard10_drive.py PORT AGENT.py CONFIG SECONDS X,Y X,Y ...` prints where the ego was at
the end, and how far the end of the route was, as JSON. Places are in CARLA's frame.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import carla
import numpy as np
from agents.navigation.local_planner import RoadOption
from auxdrive.frames import carla_points_to_world, world_points_to_carla, world_yaw_to_carla
from auxdrive_eval import RoutePlanner
from auxdrive_eval.road_maps import CarlaRoadMap
from auxdrive_eval.routes import RouteSpec
from leaderboard.autoagents.agent_wrapper import AgentWrapper
from leaderboard.utils import route_manipulation
from srunner.scenariomanager.carla_data_provider import CarlaDataProvider
from srunner.scenariomanager.timer import GameTime

TICK_S, NEAR_M = 0.05, 10.0


def main(port: int, agent: Path, config: str, seconds: float, places: list[str]) -> None:
    """Drive until the end of the route is near, or the time is over.

    Args:
        port: of a server in which the town is loaded.
        agent: the file.
        config: of the agent.
        seconds: of the game, at most.
        places: of the route.
    """
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(20.0)
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, TICK_S
    world.apply_settings(settings)
    CarlaDataProvider.set_client(client)
    CarlaDataProvider.set_world(world)
    world.tick()
    route = _route(world, [tuple(map(float, place.split(","))) for place in places])
    origin = route_manipulation._get_latlon_ref(world)
    gps = route_manipulation.location_route_to_gps(route, *origin)
    ego = _ego(world, route[0][0])
    sys.path.insert(0, str(agent.parent))
    module = importlib.import_module(agent.stem)
    driven = getattr(module, module.get_entry_point())(config)
    driven.set_global_plan(gps, route)
    wrapper = AgentWrapper(driven)
    AgentWrapper.validate_sensor_configuration(driven.sensors(), driven.track, "SENSORS")
    GameTime.restart()
    wrapper.setup_sensors(ego)
    end = route[-1][0].location
    for _ in range(round(seconds / TICK_S)):
        GameTime.on_carla_tick(world.get_snapshot().timestamp)
        CarlaDataProvider.on_carla_tick()
        ego.apply_control(wrapper())
        world.tick()
        if ego.get_location().distance(end) < NEAR_M:
            break
    place = ego.get_location()
    told = {"x": place.x, "y": place.y, "left_m": place.distance(end), "plan": len(gps)}
    wrapper.cleanup()
    driven.destroy()
    print(f"\n{json.dumps(told)}", flush=True)
    os._exit(0)  # threads of the leaderboard's speedometer may hold the process


def _route(world: Any, places: list[Any]) -> list[tuple[Any, Any]]:
    """The dense route as the leaderboard has it: transforms and CARLA's road options."""
    roads = CarlaRoadMap(world.get_map())
    keypoints = tuple((x, y) for x, y in carla_points_to_world(np.array(places)).tolist())
    dense = RoutePlanner(roads).plan(RouteSpec("0", roads.name, keypoints))
    points = world_points_to_carla(dense.points).tolist()
    yaws = world_yaw_to_carla(dense.yaw_rad).tolist()
    return [
        (
            carla.Transform(carla.Location(x, y, z), carla.Rotation(yaw=yaw)),
            RoadOption(option.value),
        )
        for (x, y, z), yaw, option in zip(points, yaws, dense.options, strict=True)
    ]


def _ego(world: Any, start: Any) -> Any:
    blueprint = world.get_blueprint_library().find("vehicle.lincoln.mkz_2017")
    blueprint.set_attribute("role_name", "hero")
    start.location.z += 0.5
    ego = world.spawn_actor(blueprint, start)
    start.location.z -= 0.5
    return ego


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4]), sys.argv[5:])
