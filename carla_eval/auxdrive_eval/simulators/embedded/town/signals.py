"""Lights and stop signs at the junctions of a town."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.geometry.curves import wrap
from auxdrive_eval.simulators.embedded.town.lanes import Arm, Network
from auxdrive_eval.simulators.embedded.town.model import JunctionKind, Lane, StopSign, TrafficLight
from auxdrive_eval.world import Point

LIT_SHARE = 0.8
SIGNED_TEE_SHARE = 0.7
POLE_PAST_LINE_M = 3.5
SIGN_BEFORE_LINE_M = 0.5
BEHIND_KERB_M = 0.9


def place_signals(
    network: Network, rng: np.random.Generator
) -> tuple[dict[int, Lane], dict[int, TrafficLight], dict[int, StopSign]]:
    """Place the signals.

    The first four-way junction and most of the others have lights, the rest a stop sign on every
    arm. At most T-junctions the arm that ends there has a stop sign.

    Args:
        network: the lanes and junctions of the town, without signals.
        rng: draws which junctions have lights or signs.

    Returns:
        The lanes with their signals, the lights, and the stop signs, each by its id.
    """
    lanes = dict(network.lanes)
    lights: dict[int, TrafficLight] = {}
    signs: dict[int, StopSign] = {}
    for junction_id, junction in network.junctions.items():
        arms = network.arms[junction_id]
        draw = float(rng.random())
        if junction.kind is JunctionKind.FOUR_WAY and (draw < LIT_SHARE or not lights):
            for index, arm in enumerate(arms):
                light_id = len(lights)
                lights[light_id] = _light(
                    light_id, junction_id, index % 2, arm, lanes[arm.arriving], junction.polygon
                )
                lanes[arm.arriving] = replace(lanes[arm.arriving], light_id=light_id)
            continue
        if junction.kind is JunctionKind.TEE and draw >= SIGNED_TEE_SHARE:
            continue
        for arm in arms if junction.kind is JunctionKind.FOUR_WAY else (minor_arm(arms),):
            sign_id = len(signs)
            signs[sign_id] = _stop_sign(sign_id, junction_id, arm, lanes[arm.arriving])
            lanes[arm.arriving] = replace(lanes[arm.arriving], stop_sign_id=sign_id)
    return lanes, lights, signs


def minor_arm(arms: tuple[Arm, ...]) -> Arm:
    """The arm that ends at a T-junction: the other two are the most nearly opposite."""

    def bend_of_the_others(arm: Arm) -> float:
        first, second = (other.outward_yaw for other in arms if other is not arm)
        return abs(abs(wrap(first - second)) - np.pi)

    return min(arms, key=bend_of_the_others)


def stop_line(lane: Lane) -> tuple[Point, Point]:
    """The stop line across the end of a lane, from its left border to its right one."""
    end, yaw = lane.centreline[-1], float(lane.yaw_rad[-1])
    left = np.array([-np.sin(yaw), np.cos(yaw)]) * lane.width_m / 2
    a, b = end + left, end - left
    return (float(a[0]), float(a[1])), (float(b[0]), float(b[1]))


def _light(
    light_id: int, junction_id: int, group: int, arm: Arm, lane: Lane, outline: Float64
) -> TrafficLight:
    """A light. Its pole stands beyond the stop line on the right, behind the kerb, where the camera
    of a car that waits at the line can see it.
    """
    yaw = float(lane.yaw_rad[-1])
    ahead, right = np.array([np.cos(yaw), np.sin(yaw)]), np.array([np.sin(yaw), -np.cos(yaw)])
    beside = arm.mouth + POLE_PAST_LINE_M * ahead
    # The kerb there: the point of the outline to the right whose position along the road is nearest
    # to the pole's.
    to_right = (outline - beside) @ right
    along = np.abs((outline - beside) @ ahead)
    kerb = float(to_right[np.argmin(np.where(to_right > 2.0, along, np.inf))])
    foot = beside + (kerb + BEHIND_KERB_M) * right
    return TrafficLight(
        light_id,
        junction_id,
        lane.lane_id,
        group,
        (float(foot[0]), float(foot[1])),
        wrap(yaw + np.pi),
        stop_line(lane),
    )


def _stop_sign(sign_id: int, junction_id: int, arm: Arm, lane: Lane) -> StopSign:
    yaw = float(lane.yaw_rad[-1])
    ahead, right = np.array([np.cos(yaw), np.sin(yaw)]), np.array([np.sin(yaw), -np.cos(yaw)])
    foot = arm.mouth - SIGN_BEFORE_LINE_M * ahead + (arm.half_width_m + BEHIND_KERB_M) * right
    return StopSign(
        sign_id,
        junction_id,
        lane.lane_id,
        (float(foot[0]), float(foot[1])),
        wrap(yaw + np.pi),
        stop_line(lane),
    )
