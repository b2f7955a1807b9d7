"""Calls about actors that stand in the world: poses, controls, physics."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from .actors import Actor, Control, Stride
from .geometry import Box, Pose, Vector, plus, times
from .motion import STEEPEST
from .rpc import Returns, call
from .world import World

NOTHING = Returns.NOTHING
MASS = 1800.0  # kg


def vector(given: list[float]) -> Vector:
    """Three numbers of the wire."""
    x, y, z = given
    return x, y, z


@call("set_actor_transform", returns=NOTHING)
def set_transform(world: World, number: int, transform: list[list[float]]) -> None:
    """Put it somewhere else."""
    actor = world.actor(number)
    actor.pose = Pose.of_wire(transform)
    if actor.parent:
        parent = world.actor(actor.parent).pose
        turned = tuple(a - b for a, b in zip(actor.pose.rotation, parent.rotation, strict=True))
        actor.local = Pose(parent.local(actor.pose.location), vector(list(turned)))
    else:
        actor.local = actor.pose


@call("set_actor_location", returns=NOTHING)
def set_location(world: World, number: int, location: list[float]) -> None:
    """Put it somewhere else, turned as before."""
    actor = world.actor(number)
    actor.pose = replace(actor.pose, location=vector(location))


@call("set_actor_target_velocity", returns=NOTHING)
def set_velocity(world: World, number: int, velocity: list[float]) -> None:
    """The velocity with which the next step begins."""
    actor = world.actor(number)
    actor.target_velocity = actor.velocity = vector(velocity)


@call("set_actor_target_angular_velocity", "add_actor_angular_impulse", returns=NOTHING)
@call("add_actor_torque", "show_vehicle_debug_telemetry", returns=NOTHING)
@call("open_vehicle_door", "close_vehicle_door", returns=NOTHING)
def accepted(world: World, number: int, *given: Any) -> None:
    """Taken and forgotten: the vehicle model turns by its wheels alone, and has no doors."""
    world.actor(number)


@call("add_actor_impulse", "add_actor_force", returns=NOTHING)
def push(world: World, number: int, impulse: list[float]) -> None:
    """An impulse (N s); a force counts as one of a step."""
    actor = world.actor(number)
    actor.velocity = plus(actor.velocity, times(vector(impulse), 1 / MASS))


@call("enable_actor_constant_velocity", returns=NOTHING)
def constant_velocity(world: World, number: int, velocity: list[float]) -> None:
    """A velocity in the vehicle's frame, kept until it is disabled."""
    world.actor(number).constant_velocity = vector(velocity)


@call("disable_actor_constant_velocity", returns=NOTHING)
def no_constant_velocity(world: World, number: int) -> None:
    """The pedals count again."""
    world.actor(number).constant_velocity = None


@call("set_actor_simulate_physics", returns=NOTHING)
def simulate_physics(world: World, number: int, enabled: bool) -> None:
    """Without, it stays where it is put."""
    world.actor(number).physics = enabled


@call("set_actor_collisions", returns=NOTHING)
def collisions(world: World, number: int, enabled: bool) -> None:
    """Without, nothing hits it."""
    world.actor(number).collisions = enabled


@call("set_actor_enable_gravity", returns=NOTHING)
def gravity(world: World, number: int, enabled: bool) -> None:
    """Without, it does not settle on the road."""
    world.actor(number).gravity = enabled


@call("set_actor_autopilot", returns=NOTHING)
def autopilot(world: World, number: int, enabled: bool) -> None:
    """A flag; the client's traffic manager drives."""
    world.actor(number).autopilot = enabled


@call("get_actor_bounding_box")
def bounding_box(world: World, number: int) -> list[Any]:
    """In the actor's frame."""
    actor = world.actor(number)
    return actor.box.wire(actor.id)


@call("get_light_boxes")
def light_boxes(world: World, number: int) -> list[Any]:
    """One head on each light, 3.6 m above its foot, in the world."""
    pose = world.actor(number).pose
    x, y, z = pose.location
    return [Box((x, y, z + 3.6), (0.4, 0.15, 1.05), (0.0, pose.rotation[1], 0.0)).wire(number)]


@call("apply_control_to_vehicle", returns=NOTHING)
def control(world: World, number: int, given: list[Any]) -> None:
    """Pedals and wheel; what is out of range is clipped, and no number is 0 (the client's traffic
    manager sends such).
    """
    throttle, steer, brake, *rest = given
    clipped = _clip(throttle, 0.0, 1.0), _clip(steer, -1.0, 1.0), _clip(brake, 0.0, 1.0)
    world.actor(number).control = Control(*clipped, *rest)


@call("apply_control_to_walker", returns=NOTHING)
def stride(world: World, number: int, given: list[Any]) -> None:
    """Where a walker goes, and how fast."""
    direction, speed, jump = given
    world.actor(number).stride = Stride(vector(direction), speed, jump)


@call("apply_ackermann_control_to_vehicle", returns=NOTHING)
def ackermann(world: World, number: int, given: list[float]) -> None:
    """A steering angle (rad) and a speed (m/s), as pedals and wheel once."""
    actor = world.actor(number)
    steer, _, speed, _, _ = given
    lacks = speed - actor.pose.turn_back(actor.velocity)[0]
    pedals = max(0.0, min(1.0, lacks)), max(0.0, min(1.0, -lacks))
    actor.control = Control(pedals[0], steer / STEEPEST, pedals[1])


@call("get_ackermann_controller_settings")
def ackermann_settings(world: World, number: int) -> list[float]:
    """What was applied, or zeros."""
    return world.actor(number).ackermann


@call("apply_ackermann_controller_settings", returns=NOTHING)
def set_ackermann(world: World, number: int, given: list[float]) -> None:
    """Kept; the vehicle model does not read it."""
    world.actor(number).ackermann = given


@call("get_telemetry_data")
def telemetry(world: World, number: int) -> list[Any]:
    """[speed, steer, throttle, brake, rpm, gear, drag, wheels]."""
    actor = world.actor(number)
    c, speed = actor.control, actor.pose.turn_back(actor.velocity)[0]
    wheels = [[3.5, 0.0, 0.0, speed / 0.35, 4500.0, 1.0, 0.0, 0.0, 0.0, 0.0] for _ in range(4)]
    return [speed, c.steer, c.throttle, c.brake, 1000.0, 1, 0.3, wheels]


@call("get_physics_control")
def physics_control(world: World, number: int) -> list[Any]:
    """What was applied, or that of a car."""
    actor = world.actor(number)
    if not actor.physics_control:
        actor.physics_control = _car(actor)
    return actor.physics_control


@call("apply_physics_control", returns=NOTHING)
def apply_physics_control(world: World, number: int, given: list[Any]) -> None:
    """Kept; the vehicle model does not read it."""
    world.actor(number).physics_control = given


@call("get_vehicle_light_state")
def light_state(world: World, number: int) -> list[int]:
    """The lamps that are on."""
    return [world.actor(number).lights]


@call("set_vehicle_light_state", returns=NOTHING)
def set_light_state(world: World, number: int, lights: list[int]) -> None:
    """Other lamps."""
    world.actor(number).lights = lights[0]


@call("get_vehicle_light_states")
def light_states(world: World) -> list[list[int]]:
    """[id, lamps] of all vehicles."""
    return [[a.id, a.lights] for a in world.actors.values() if a.kind == "vehicle"]


@call("get_wheel_steer_angle")
def steer_angle(world: World, number: int, wheel: int) -> float:
    """Of a front wheel (degrees)."""
    return world.actor(number).control.steer * math.degrees(STEEPEST) if wheel < 2 else 0.0


def _clip(value: float, low: float, high: float) -> float:
    return 0.0 if math.isnan(value) else max(low, min(high, value))


def _car(actor: Actor) -> list[Any]:
    half, wide = actor.box.extent[0] * 0.6, actor.box.extent[1] * 0.8
    wheels = []
    for ahead, side in ((1, -1), (1, 1), (-1, -1), (-1, 1)):
        at = actor.pose.point((ahead * half, side * wide, 0.35))
        steers = 70.0 if ahead > 0 else 0.0
        place = [at[0] * 100, at[1] * 100, at[2] * 100]  # centimetres, as in CARLA
        wheels.append([3.5, 0.25, steers, 35.0, 1500.0, 0.0, 2.0, 17.0, 1000.0, place])
    gears = [[2.85, 0.5, 0.65], [2.02, 0.5, 0.65], [1.35, 0.5, 0.65], [1.0, 0.5, 0.65]]
    engine = [[[0.0, 500.0], [5000.0, 500.0]], 5800.0, 1.0, 0.15, 2.0, 0.35]
    box = [True, 0.5, 10.0, 4.0, gears]
    return [*engine, *box, MASS, 0.3, [0.0, 0.0, 0.0], [[0.0, 1.0], [120.0, 0.5]], wheels, True]
