"""How actors move: a kinematic bicycle, walkers, constant velocities, and boxes that touch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

from .actors import Actor
from .geometry import ZERO, Box, Pose, Vector, dot, minus, plus, times, touch

PULL, BRAKE, HAND_BRAKE, DRAG = 4.0, 8.0, 6.0, 0.0012  # m/s^2, m/s^2, m/s^2, 1/m
ROLL = 0.15  # m/s^2 without pedals
STEEPEST = math.radians(40.0)  # front wheels at steer 1
WHEELBASE = 0.6  # of the length
FALL = 5.0  # m/s towards the ground


def step(actor: Actor, seconds: float, ground: float) -> None:
    """Move one actor.

    Args:
        actor: a vehicle or a walker.
        seconds: of the step.
        ground: height of the road there (m).
    """
    before, was = actor.pose, actor.velocity
    if actor.kind == "vehicle" and actor.physics:
        _drive(actor, seconds)
    elif actor.kind == "vehicle":
        actor.velocity = ZERO
    else:
        actor.velocity = times(actor.stride.direction, actor.stride.speed)
        x, y, z = plus(before.location, times(actor.velocity, seconds))
        dx, dy, _ = actor.velocity
        turned = (0.0, math.degrees(math.atan2(dy, dx)), 0.0) if dx or dy else before.rotation
        actor.pose = Pose((x, y, z), turned)
    if actor.gravity and actor.physics:
        _settle(actor, seconds, ground)
    actor.acceleration = times(minus(actor.velocity, was), 1.0 / seconds)
    turn = (actor.pose.rotation[1] - before.rotation[1] + 180.0) % 360.0 - 180.0
    actor.angular_velocity = (0.0, 0.0, turn / seconds)


def _drive(actor: Actor, seconds: float) -> None:
    pose = actor.pose
    if actor.constant_velocity is not None:
        actor.velocity = pose.turn(actor.constant_velocity)
        actor.pose = replace(pose, location=plus(pose.location, times(actor.velocity, seconds)))
        return
    speed = _speed(actor, seconds)
    yaw = math.radians(pose.rotation[1])
    bend = math.tan(actor.control.steer * STEEPEST) / (2 * actor.box.extent[0] * WHEELBASE)
    yaw += speed * bend * seconds
    ahead = (math.cos(yaw), math.sin(yaw), 0.0)
    actor.velocity = times(ahead, speed)
    place = plus(pose.location, times(actor.velocity, seconds))
    actor.pose = Pose(place, (pose.rotation[0], math.degrees(yaw), pose.rotation[2]))


def _speed(actor: Actor, seconds: float) -> float:
    """The speed along the vehicle after the step (m/s); negative backwards."""
    given = actor.target_velocity if actor.target_velocity is not None else actor.velocity
    actor.target_velocity = None
    speed = actor.pose.turn_back(given)[0]
    c = actor.control
    speed += seconds * PULL * c.throttle * (-1.0 if c.reverse else 1.0)
    slowing = BRAKE * c.brake + HAND_BRAKE * c.hand_brake + DRAG * speed * speed
    if not c.throttle:
        slowing += ROLL
    return math.copysign(max(abs(speed) - slowing * seconds, 0.0), speed)


def _settle(actor: Actor, seconds: float, ground: float) -> None:
    x, y, z = actor.pose.location
    floor = ground + (actor.box.extent[2] if actor.kind == "walker" else 0.0)
    fallen = max(floor, z - FALL * seconds) if z > floor else floor
    actor.pose = replace(actor.pose, location=(x, y, fallen))


def collide(actors: Iterable[Actor], before: dict[int, Pose]) -> Iterator[tuple[Actor, Actor]]:
    """Pairs that touch; of those, who drove into the other is put back to where it was and stops.

    Args:
        actors: all that have boxes.
        before: the poses before the step.

    Yields:
        Each pair that touches, once.
    """
    reaches = [(a, *a.pose.location[:2], reach(a.box)) for a in actors if a.solid]
    for index, (one, x, y, far) in enumerate(reaches):
        for other, x2, y2, far2 in reaches[index + 1 :]:
            apart = far + far2
            if abs(x - x2) > apart or abs(y - y2) > apart or not (one.moves or other.moves):
                continue
            if touch(one.box, one.pose, other.box, other.pose):
                yield one, other
                for hit, into in ((one, other), (other, one)):
                    if hit.moves and _approaches(hit, into):
                        hit.pose, hit.velocity = before[hit.id], ZERO


def _approaches(one: Actor, other: Actor) -> bool:
    """Whether it drives towards the other or stands and turns; who drives away is let go."""
    towards = minus(other.pose.location, one.pose.location)
    return dot(one.velocity, towards) >= 0.0


def reach(box: Box) -> float:
    """How far a box may reach from its owner's location (m).

    Args:
        box: in the owner's frame.
    """
    return math.hypot(*box.extent) + math.hypot(*box.location)


def impulse(one: Actor, velocity: Vector, others: Vector) -> Vector:
    """The impulse that an actor is given by a hit (N s), against its movement.

    Args:
        one: which is hit.
        velocity: its velocity before.
        others: the velocity of the other one before.
    """
    mass = 1500.0 if one.kind == "vehicle" else 80.0
    return times(minus(others, velocity), mass)
