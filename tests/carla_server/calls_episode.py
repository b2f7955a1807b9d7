"""Calls about the episode: version, map, settings, tick, weather, blueprints, traffic managers."""

from __future__ import annotations

import time
from typing import Any

from .blueprints import definitions
from .dialects import spoken
from .geometry import Pose
from .rpc import Returns, call
from .town import Town
from .world import OBSERVER_STREAM, Refused, World

GENERATED = "OpenDriveMap"
LOADING = 0.2  # s; CARLA takes some too, and the client's traffic manager fails if there are none
LAYERS_AND_LIGHTS = (
    "load_map_layer",
    "unload_map_layer",
    "update_lights_state",
    "update_day_night_cycle",
    "enable_environment_objects",
    "set_annotations_traverse_translucency",
)


@call("version")
def version(world: World) -> str:
    """The version of the server."""
    return spoken().version


@call("get_episode_info")
def episode_info(world: World) -> list[Any]:
    """The episode and the token of the stream of snapshots."""
    return [world.episode, [world.streams.token(OBSERVER_STREAM)]]


@call("get_episode_settings")
def settings(world: World) -> list[Any]:
    """The settings."""
    return world.settings.wire


@call("set_episode_settings")
def set_settings(world: World, given: list[Any]) -> int:
    """New settings; the frame from which on they hold."""
    world.settings.wire = given
    return world.frame


@call("tick_cue")
def tick(world: World) -> int:
    """One step; its frame."""
    return world.tick()


@call("get_sensor_token")
def sensor_token(world: World, stream: int) -> list[bytes]:
    """The token of a stream."""
    return [world.streams.token(stream)]


@call("get_map_info")
def map_info(world: World) -> list[Any]:
    """The map's name and the recommended spawn points."""
    return [
        spoken().map_folder + world.town.name,
        [pose.wire() for pose in world.town.spawn_points],
    ]


@call("get_map_data")
def map_data(world: World) -> str:
    """The OpenDRIVE text."""
    return world.town.xodr


@call("get_required_files")
def required_files(world: World, folder: str = "") -> list[str]:
    """No files: the map comes by `get_map_data`."""
    return []


@call("get_available_maps")
def available_maps(world: World) -> list[str]:
    """The town of now; others load by name."""
    return [f"/Game/{spoken().map_folder}{world.town.name}"]


@call("get_navigation_mesh")
def navigation_mesh(world: World) -> list[int]:
    """None."""
    return []


@call("load_new_episode", returns=Returns.NOTHING)
def load(world: World, name: str, reset: bool, layers: int) -> None:
    """Another town, or this one again (its name, or none)."""
    wanted = name.rsplit("/", 1)[-1] or world.town.name
    if wanted == GENERATED and world.pending_xodr:
        town = Town(GENERATED, world.pending_xodr)
    elif wanted == world.town.name:
        town = world.town
    else:
        try:
            town = world.towns(wanted)
        except FileNotFoundError as error:
            raise Refused(f"map '{name}' not found") from error
    time.sleep(LOADING)
    world.load(town, reset=reset)


@call("copy_opendrive_to_file", returns=Returns.NOTHING)
def copy_opendrive(world: World, xodr: str, parameters: list[Any]) -> None:
    """The OpenDRIVE text that the next load of `OpenDriveMap` shows."""
    world.pending_xodr = xodr


@call("get_actor_definitions")
def actor_definitions(world: World) -> list[list[Any]]:
    """The blueprints."""
    return definitions()


@call("get_weather_parameters")
def weather(world: World) -> list[float]:
    """The weather."""
    return world.weather


@call("set_weather_parameters", returns=Returns.NOTHING)
def set_weather(world: World, given: list[float]) -> None:
    """Other weather."""
    world.weather = given


@call("query_lights_state")
def lights_state(world: World, endpoint: str) -> list[Any]:
    """No street lights."""
    return []


@call(*LAYERS_AND_LIGHTS, returns=Returns.NOTHING)
def accepted(world: World, *given: Any) -> None:
    """Layers of the map and street lights: taken and forgotten."""


@call("draw_debug_shape", "clear_debug_shape", "clear_debug_string", returns=Returns.NOTHING)
def draw(world: World, *shape: Any) -> None:
    """A drawing: counted."""
    world.shapes += 1


@call("get_all_level_BBs")
def level_boxes(world: World, tag: int) -> list[list[Any]]:
    """The boxes of lights (tag 7) or signs (8) in the world."""
    return [row[1] for row in environment(world, tag)]


@call("get_environment_objects")
def environment(world: World, tag: int) -> list[list[Any]]:
    """[transform, box in the world, id, name, tag] of lights (tag 7) and signs (8)."""
    rows = []
    for actor in world.actors.values():
        its = {"traffic.traffic_light": 7, "traffic.stop": 8, "traffic.yield": 8}
        mine = its.get(actor.blueprint)
        if mine is not None and tag in (mine, 255):
            middle = actor.pose.point((0.0, 0.0, 1.5))
            box = [list(middle), [0.4, 0.4, 1.5], list(actor.pose.rotation), actor.id]
            rows.append([actor.pose.wire(), box, actor.id, f"{actor.blueprint}_{actor.sign}", mine])
    return rows


@call("project_point")
def project(world: World, location: list[float], direction: list[float], reach: float) -> list[Any]:
    """The road below a point."""
    x, y, z = location
    ground = world.town.ground((x, y, z))
    return [z - ground <= reach, [[x, y, ground], 1]]


@call("cast_ray")
def cast_ray(world: World, start: list[float], end: list[float]) -> list[Any]:
    """Where a ray meets the road, if it does."""
    ground = world.town.ground((start[0], start[1], start[2]))
    if (start[2] - ground) * (end[2] - ground) >= 0:
        return []
    part = (start[2] - ground) / (start[2] - end[2])
    return [[[a + part * (b - a) for a, b in zip(start, end, strict=True)], 1]]


@call("is_traffic_manager_running")
def manager_runs(world: World, port: int) -> bool:
    """Whether a client serves a traffic manager on this port."""
    return port in world.managers


@call("get_traffic_manager_running")
def manager(world: World, port: int) -> list[Any]:
    """Where the traffic manager of a port is served."""
    return [world.managers.get(port, ""), port if port in world.managers else 0]


@call("add_traffic_manager_running")
def add_manager(world: World, given: list[Any]) -> bool:
    """A client serves a traffic manager from now on."""
    host, port = given
    known = port in world.managers
    world.managers.setdefault(port, host)
    return not known


@call("destroy_traffic_manager")
def destroy_manager(world: World, port: int) -> bool:
    """It does no longer."""
    return world.managers.pop(port, None) is not None


@call("get_spectator")
def spectator(world: World) -> list[Any]:
    """The spectator."""
    return world.actors[world.spectator].wire()


@call("spawn_actor")
def spawn(world: World, description: list[Any], transform: list[list[float]]) -> list[Any]:
    """A new actor."""
    return world.spawn(description, Pose.of_wire(transform)).wire()


@call("spawn_actor_with_parent")
def spawn_attached(
    world: World,
    description: list[Any],
    transform: list[list[float]],
    parent: int,
    attachment: int,
    socket: str = "",
) -> list[Any]:
    """A new actor attached to another; all attachments are rigid."""
    return world.spawn(description, Pose.of_wire(transform), parent).wire()


@call("destroy_actor")
def destroy(world: World, number: int) -> bool:
    """Take an actor away."""
    world.destroy(number)
    return True


@call("get_actors_by_id")
def actors_by_id(world: World, numbers: list[int]) -> list[list[Any]]:
    """The records of those that exist."""
    return [world.actors[i].wire() for i in numbers if i in world.actors]
