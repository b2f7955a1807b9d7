"""Lights and stop signs of embedded towns, for many seeds."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from auxdrive_eval.simulators.embedded.geometry.curves import wrap
from auxdrive_eval.simulators.embedded.town.model import (
    JunctionKind,
)
from auxdrive_eval.simulators.embedded.town.signals import minor_arm
from hypothesis import given
from town_drafts import FEW, SEEDS, network_of, signals_of


@FEW
@given(SEEDS)
def test_signals_stand_at_arriving_lanes_one_of_a_kind_each(seed: int) -> None:
    network = network_of(seed)
    lanes, lights, signs = signals_of(seed)
    arriving = {arm.arriving for arms in network.arms.values() for arm in arms}
    assert lights
    for signal in (*lights.values(), *signs.values()):
        lane = lanes[signal.lane_id]
        assert signal.lane_id in arriving
        assert (lane.light_id is None) != (lane.stop_sign_id is None)
        turned = wrap(signal.yaw_rad - float(lane.yaw_rad[-1]))
        assert abs(turned) == pytest.approx(math.pi, abs=1e-6)
        (left, right), end = np.array(signal.stop_line), lane.centreline[-1]
        np.testing.assert_allclose((left + right) / 2, end)
        assert math.dist(left, right) == pytest.approx(lane.width_m)
        ahead = np.array([math.cos(lane.yaw_rad[-1]), math.sin(lane.yaw_rad[-1])])
        assert (right - left) @ ahead == pytest.approx(0.0, abs=1e-9)
        assert ahead[0] * (left - end)[1] - ahead[1] * (left - end)[0] > 0
    assert {lane.light_id for lane in lanes.values()} - {None} == set(lights)
    assert {lane.stop_sign_id for lane in lanes.values()} - {None} == set(signs)


@FEW
@given(SEEDS)
def test_lights_of_one_group_face_each_other_and_the_groups_cross(seed: int) -> None:
    """So lanes of a junction that are green together cross only by turning left."""
    network = network_of(seed)
    _, lights, _ = signals_of(seed)
    for junction_id, junction in network.junctions.items():
        here = [light for light in lights.values() if light.junction_id == junction_id]
        if not here:
            continue
        assert junction.kind is JunctionKind.FOUR_WAY
        around = sorted(here, key=lambda light: light.yaw_rad)
        assert [light.group for light in around] in ([0, 1, 0, 1], [1, 0, 1, 0])
        for one, other in itertools.combinations(here, 2):
            if one.group == other.group:
                assert abs(wrap(one.yaw_rad - other.yaw_rad)) > math.radians(116)


def test_a_t_junctions_minor_arm_is_the_one_whose_ways_both_turn() -> None:
    for seed in range(4):
        network = network_of(seed)
        _, _, signs = signals_of(seed)
        for junction_id, junction in network.junctions.items():
            if junction.kind is not JunctionKind.TEE:
                continue
            arms = network.arms[junction_id]
            least = {
                arm.road_id: min(
                    abs(float(lane.yaw_rad[-1] - lane.yaw_rad[0]))
                    for lane in (network.lanes[i] for i in network.lanes[arm.arriving].successors)
                )
                for arm in arms
            }
            assert minor_arm(arms).road_id == max(least, key=lambda road: least[road])
            signed = [sign.lane_id for sign in signs.values() if sign.junction_id == junction_id]
            assert signed in ([], [minor_arm(arms).arriving])
