"""Equality and hashes of what goes into a predictor and comes out of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from auxdrive.types import WITHHOLDING, Flag, Observation, Prediction


def observation() -> Observation:
    return Observation(np.arange(24, dtype=np.uint8).reshape(2, 4, 3), 1.0, 4.0, (20.0, 0.0))


def prediction() -> Prediction:
    return Prediction(1.0, 3.0, None, np.ones((4, 2), np.float32), (0.5, 1.0, 1.5, 2.0))


def test_equal_values_are_equal() -> None:
    assert observation() == observation()
    assert prediction() == prediction()
    assert hash(observation()) == hash(observation())
    assert hash(prediction()) == hash(prediction())
    assert len({prediction(), prediction()}) == 1
    assert observation() != prediction()
    assert prediction() != 1.0
    assert observation() in [observation()]


class Undecided:
    """As the arrays of other libraries: its equality is no truth value, and it has no hash."""

    def __eq__(self, other: object) -> object:  # type: ignore[override]
        return np.array([True, False])

    __hash__ = None  # type: ignore[assignment]


def test_whatever_is_held_can_be_compared_and_hashed() -> None:
    undecided = Undecided()
    assert replace(observation(), image=undecided) == replace(observation(), image=undecided)
    assert replace(observation(), image=undecided) != replace(observation(), image=Undecided())
    assert replace(observation(), image=undecided) != observation()
    at = np.array(1.0)  # a time that a predictor takes
    assert len({replace(observation(), time_s=at), replace(observation(), time_s=at.copy())}) == 1
    assert hash(replace(prediction(), time_s=at)) == hash(replace(prediction(), time_s=at))
    assert hash(replace(prediction(), flags=set())) == hash(replace(prediction(), flags=set()))


@pytest.mark.parametrize(
    "other",
    [
        {"image": np.zeros((2, 4, 3), np.uint8)},
        {"image": np.zeros((4, 2, 3), np.uint8)},
        {"image": observation().image.astype(np.int64)},
        {"image": None},
        {"time_s": 2.0},
        {"speed_mps": None},
        {"target_ego_m": (20.0, 1.0)},
        {"target_ego_m": (np.zeros(2), np.zeros(2))},
        {"target_ego_m": np.array([20.0, 0.0])},
        {"command": 1},
    ],
)
def test_observations_that_differ(other: dict[str, object]) -> None:
    changed = replace(observation(), **other)
    assert observation() != changed
    assert changed == replace(observation(), **other)


@pytest.mark.parametrize(
    "other",
    [
        {"time_s": 2.0},
        {"steer_rad": 0.1},
        {"waypoints_ego_m": None},
        {"waypoints_ego_m": np.zeros((4, 2), np.float32)},
        {"waypoints_ego_m": np.ones((3, 2), np.float32)},
        {"flags": frozenset({Flag.INPUT_OUT_OF_RANGE})},
    ],
)
def test_predictions_that_differ(other: dict[str, object]) -> None:
    changed = replace(prediction(), **other)
    assert prediction() != changed
    assert changed == replace(prediction(), **other)


def test_how_long_it_took_makes_no_difference() -> None:
    assert prediction() == replace(prediction(), latency_ms=9.0)
    assert prediction() == replace(prediction(), ood_score=2.0)


def test_every_flag_but_those_of_inputs_withholds() -> None:
    assert set(Flag) - WITHHOLDING == {Flag.INPUT_OUT_OF_RANGE, Flag.OUT_OF_DISTRIBUTION}
