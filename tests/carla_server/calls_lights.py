"""Calls about traffic lights."""

from __future__ import annotations

from .lights import Junction
from .rpc import Returns, call
from .world import World

NOTHING = Returns.NOTHING


def _junction(world: World, number: int) -> Junction:
    return next(j for j in world.junctions if any(number in phase for phase in j.phases))


@call("set_traffic_light_state", returns=NOTHING)
def set_state(world: World, number: int, shows: int) -> None:
    """What it shows from now on."""
    phase = world.actor(number).phase
    phase.shows, phase.elapsed = shows, 0.0


@call("set_traffic_light_green_time", returns=NOTHING)
def green_time(world: World, number: int, seconds: float) -> None:
    """How long it is green."""
    world.actor(number).phase.green = seconds


@call("set_traffic_light_yellow_time", returns=NOTHING)
def yellow_time(world: World, number: int, seconds: float) -> None:
    """How long it is yellow."""
    world.actor(number).phase.yellow = seconds


@call("set_traffic_light_red_time", returns=NOTHING)
def red_time(world: World, number: int, seconds: float) -> None:
    """How long all are red before the next turn."""
    world.actor(number).phase.red = seconds


@call("freeze_traffic_light", returns=NOTHING)
def freeze(world: World, number: int, frozen: bool) -> None:
    """One frozen light stops its junction."""
    world.actor(number).phase.frozen = frozen


@call("freeze_all_traffic_lights", returns=NOTHING)
def freeze_all(world: World, frozen: bool) -> None:
    """All of them."""
    for actor in world.actors.values():
        actor.phase.frozen = frozen


@call("reset_traffic_light_group", returns=NOTHING)
def reset_group(world: World, number: int) -> None:
    """The junction of this light begins again."""
    _junction(world, number).reset(world.actors)


@call("reset_all_traffic_lights", returns=NOTHING)
def reset_all(world: World) -> None:
    """All junctions begin again."""
    for junction in world.junctions:
        junction.reset(world.actors)


@call("get_group_traffic_lights")
def group(world: World, number: int) -> list[int]:
    """The lights of the same junction."""
    return list(world.actor(number).group)
