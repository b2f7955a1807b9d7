"""The floor at run time: what verify would refuse is withheld, what was not trained on, flagged."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bundle_factory
import numpy as np
import pytest
from auxdrive.bundles import Bundle
from auxdrive.cards import InputRange
from auxdrive.checks.limits import MAX_SPEED_MPS, output_limit, output_size
from auxdrive.ego import MAX_TARGET_M, Bounds
from auxdrive.errors import BundleError, InputError
from auxdrive.predictor import Predictor
from auxdrive.tasks.steering import ANGLE_MARGIN
from auxdrive.types import WITHHOLDING, Flag, Observation
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

IMAGE = np.full((24, 32, 3), 90, np.uint8)
RANGES = {
    "speed_mps": InputRange(low=(0.0,), high=(10.0,)),
    "target_ego_m": InputRange(low=(0.0, -5.0), high=(30.0, 5.0)),
}


@pytest.fixture(scope="module")
def ranged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_factory.write_bundle(
        tmp_path_factory.mktemp("ranged") / "b", "waypoints", input_ranges=RANGES
    )


@pytest.fixture(scope="module")
def predictor(ranged: Path) -> Iterator[Predictor]:
    with Predictor.load(ranged) as loaded:
        yield loaded


@pytest.mark.parametrize(
    ("speed", "target", "named"),
    [
        (11.0, (20.0, 0.0), ""),
        (11.1, (20.0, 0.0), "speed_mps"),
        (-1.0, (20.0, 0.0), ""),
        (-1.1, (20.0, 0.0), "speed_mps"),
        (4.0, (33.0, 6.0), ""),
        (4.0, (33.1, 6.0), "target_ego_m"),
        (4.0, (33.0, 6.1), "target_ego_m"),
        (4.0, (20.0, -6.1), "target_ego_m"),
        (4.0, (200.0, 0.0), "target_ego_m"),
        (40.0, (20.0, 60.0), "speed_mps"),
    ],
)
def test_inputs_that_were_not_trained_on_are_flagged(
    ranged: Path, speed: float, target: tuple[float, float], named: str
) -> None:
    with Predictor.load(ranged) as predictor:
        prediction = predictor.predict(Observation(IMAGE, 0.0, speed, target))
    assert (Flag.INPUT_OUT_OF_RANGE in prediction.flags) is bool(named)
    assert named in prediction.reason
    assert bool(prediction.reason) is bool(prediction.flags)
    if not prediction.flags & WITHHOLDING:
        assert prediction.waypoints_ego_m is not None


def input_bounds(path: Path) -> dict[str, Bounds]:
    """What a bundle's ego inputs may be without a flag."""
    bundle = Bundle.open(path)
    return bundle.ego.bounds(bundle.card.input_ranges)


def test_a_range_without_width_has_a_margin(tmp_path: Path) -> None:
    ranges = {
        "speed_mps": InputRange(low=(4.0,), high=(4.0,)),
        "target_ego_m": InputRange(low=(5.0, 0.0), high=(5.0, 0.0)),
    }
    bounds = input_bounds(
        bundle_factory.write_bundle(tmp_path / "b", "waypoints", input_ranges=ranges)
    )
    assert (bounds["speed_mps"].low, bounds["speed_mps"].high) == ((3.5,), (4.5,))
    assert (bounds["target_ego_m"].low, bounds["target_ego_m"].high) == ((4.0, -1.0), (6.0, 1.0))


def test_no_range_reaches_beyond_any_vehicle(tmp_path: Path) -> None:
    ranges = {
        "speed_mps": InputRange(low=(-1e30,), high=(1e30,)),
        "target_ego_m": InputRange(low=(-1e30, -1e30), high=(1e30, 1e30)),
    }
    wide = input_bounds(
        bundle_factory.write_bundle(tmp_path / "wide", "waypoints", input_ranges=ranges)
    )
    none = input_bounds(bundle_factory.write_bundle(tmp_path / "none", "waypoints"))
    for bounds in (wide, none):
        assert (bounds["speed_mps"].low, bounds["speed_mps"].high) == (
            (-MAX_SPEED_MPS,),
            (MAX_SPEED_MPS,),
        )
        assert bounds["target_ego_m"].high == (MAX_TARGET_M, MAX_TARGET_M)
    assert wide["speed_mps"].trained
    assert not none["speed_mps"].trained


@pytest.mark.parametrize(
    ("speed", "target"),
    [(1000.0, (3.0, 0.0)), (4.0, (1e28, 0.0)), (1e30, (-1e30, 1e30)), (4.0, (2000.0, 0.0))],
)
def test_absurd_inputs_are_flagged_by_cards_without_ranges_too(
    waypoint_bundle: Path, speed: float, target: tuple[float, float]
) -> None:
    with Predictor.load(waypoint_bundle) as predictor:
        prediction = predictor.predict(Observation(IMAGE, 0.0, speed, target))
    assert Flag.INPUT_OUT_OF_RANGE in prediction.flags
    assert "any road vehicle" in prediction.reason


def test_a_path_faster_than_a_car_is_withheld(ranged: Path) -> None:
    with Predictor.load(ranged) as predictor:
        prediction = predictor.predict(Observation(IMAGE, 0.0, 4.0, (1e28, 0.0)))
    assert prediction.flags == {Flag.OUTPUT_LIMIT, Flag.INPUT_OUT_OF_RANGE}
    assert prediction.waypoints_ego_m is None
    assert "largest mean speed to a waypoint" in prediction.reason


@pytest.mark.parametrize(
    ("share", "withheld"),
    [(1.0, False), (ANGLE_MARGIN - 0.01, False), (ANGLE_MARGIN + 0.01, True), (-3.0, True)],
)
def test_steering_beyond_the_maximum_angle_is_withheld(
    tmp_path: Path, share: float, withheld: bool
) -> None:
    constant = bundle_factory.model(1, bias=share * math.radians(70.0))
    for tensor in constant.graph.initializer:
        if tensor.name == "linear":
            tensor.CopyFrom(numpy_helper.from_array(np.zeros((4, 1), np.float32), "linear"))
    with Predictor.load(bundle_factory.write_bundle(tmp_path / "b", graph=constant)) as predictor:
        prediction = predictor.predict(Observation(IMAGE, 0.0))
    assert (prediction.flags == {Flag.OUTPUT_LIMIT}) is withheld
    assert (prediction.steer_rad is None) is withheld


@given(
    speed=st.floats(-1e30, 1e30) | st.floats(-100, 100),
    target=st.tuples(st.floats(-1e38, 1e38) | st.floats(-300, 300), st.floats(-300, 300)),
)
def test_nothing_that_verify_would_refuse_goes_out(
    predictor: Predictor, speed: float, target: tuple[float, float]
) -> None:
    observation = Observation(IMAGE, 0.0, speed, target)
    prediction = predictor.predict(observation)
    raw = predictor.raw_output(observation)
    within = output_size(predictor.card, raw.tolist()) <= output_limit(predictor.card).largest
    assert (prediction.waypoints_ego_m is not None) is within
    assert bool(prediction.flags & WITHHOLDING) is not within
    if prediction.waypoints_ego_m is not None:
        np.testing.assert_array_equal(prediction.waypoints_ego_m, raw)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.floats(width=32).map(np.float32)
    | st.complex_numbers() | st.text() | st.binary() | st.floats().map(np.array)
    | st.just(np.ma.masked),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner)
    | st.dictionaries(st.integers(), inner, max_size=2),
)  # fmt: skip
IMAGES = (
    st.just(IMAGE)
    | st.sampled_from([IMAGE[:5], IMAGE.astype(np.int8), IMAGE[None], IMAGE.tobytes()])
    | ANYTHING
)


@given(
    image=IMAGES,
    time_s=st.floats(0, 1e9) | ANYTHING,
    speed=st.floats(0, 10) | ANYTHING,
    target=st.tuples(st.floats(), st.floats()) | ANYTHING,
)
def test_hostile_observations_give_plain_predictions_or_input_errors(
    predictor: Predictor, image: Any, time_s: Any, speed: Any, target: Any
) -> None:
    try:
        prediction = predictor.predict(Observation(image, time_s, speed, target))
    except InputError:
        return
    assert type(prediction.time_s) is float
    assert math.isfinite(prediction.time_s)
    assert (prediction.waypoints_ego_m is None) is bool(prediction.flags & WITHHOLDING)
    assert prediction.waypoints_ego_m is None or np.isfinite(prediction.waypoints_ego_m).all()


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({}, "need those of speed_mps, target_ego_m, got none"),
        ({"speed_mps": {"low": [0.0], "high": [1.0]}}, "need those of"),
        ({**RANGES, "steer_rad": InputRange(low=(0.0,), high=(1.0,))}, "need those of"),
        (
            {**RANGES, "speed_mps": InputRange(low=(0.0, 0.0), high=(1.0, 1.0))},
            "has 1 columns, not 2",
        ),
    ],
)
def test_ranges_of_other_inputs_are_refused(
    waypoint_bundle: Path,
    copy_of: Callable[[Path], Path],
    ranges: dict[str, InputRange],
    message: str,
) -> None:
    bundle = copy_of(waypoint_bundle)
    card = json.loads((bundle / "card.json").read_text())
    card["input_ranges"] = {
        name: found.model_dump() if isinstance(found, InputRange) else found
        for name, found in ranges.items()
    }
    (bundle / "card.json").write_text(json.dumps(card))
    with pytest.raises(BundleError, match=message):
        Bundle.open(bundle)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ((1.0,), (0.0,)),
        ((), ()),
        ((0.0,), (1.0, 2.0)),
        ((math.nan,), (1.0,)),
        ((0.0,), (math.inf,)),
    ],
)
def test_ranges_that_are_none(low: tuple[float, ...], high: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"range|finite|least"):
        InputRange(low=low, high=high)
