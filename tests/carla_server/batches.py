"""Batches: many commands in one call, each like a call of its own."""

from __future__ import annotations

from typing import Any

from .dialects import spoken
from .geometry import Pose
from .rpc import CALLS, Returns, call
from .world import Refused, World

SPAWN, DESTROY, WALKER_STATE, LIGHT_STATE = 0, 1, 7, 18

# Number of a command (its place in the client's list of kinds): the call that does the same.
SAME_AS = {
    DESTROY: "destroy_actor",
    2: "apply_control_to_vehicle",
    3: "apply_ackermann_control_to_vehicle",
    4: "apply_control_to_walker",
    5: "apply_physics_control",
    6: "set_actor_transform",
    8: "set_actor_target_velocity",
    9: "set_actor_target_angular_velocity",
    10: "add_actor_impulse",
    11: "add_actor_force",
    12: "add_actor_angular_impulse",
    13: "add_actor_torque",
    14: "set_actor_simulate_physics",
    15: "set_actor_enable_gravity",
    16: "set_actor_autopilot",
    17: "show_vehicle_debug_telemetry",
}


@call("apply_batch", returns=Returns.BARE)
def batch(world: World, commands: list[Any], tick: bool) -> list[Any]:
    """Do all commands; of each the id of its actor or what went wrong."""
    results: list[Any] = []
    for ((kind, given),) in commands:
        try:
            results.append([[1, _do(world, kind, given)]])
        except Refused as error:
            results.append([[0, [str(error)]]])
    if tick:
        world.tick()
    return results


def _do(world: World, kind: int, given: list[Any], made: int = 0) -> int:
    if kind == SPAWN:
        return _spawn(world, given)
    number = given[0] or made
    if kind == WALKER_STATE:
        walker = world.actor(number)
        walker.pose = Pose.of_wire(given[1])
        walker.velocity = walker.pose.turn((given[2], 0.0, 0.0))
    elif kind == LIGHT_STATE:
        world.actor(number).lights = given[1]
    elif kind in SAME_AS:
        CALLS[SAME_AS[kind]].handler(world, number, *given[1:])
    else:
        raise NotImplementedError(f"command {kind}: {given}")
    return int(number)


def _spawn(world: World, given: list[Any]) -> int:
    description, transform, parent, *attachment, afterwards = given
    assert bool(attachment) is spoken().batch_tells_attachment
    made = world.spawn(description, Pose.of_wire(transform), parent[1] if parent[0] else 0)
    for ((kind, more),) in afterwards:
        _do(world, kind, more, made.id)
    return made.id
