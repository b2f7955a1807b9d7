"""Steering conventions, the table of modalities, and names that are nearly right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.cards import DatasetCard
from auxdrive.errors import UsageError, unknown_name
from auxdrive.modalities import (
    ATTENTION_CLASSES,
    CLASS_WITHIN,
    FIRST_CLASSES,
    MODALITIES,
    SEGMENTATION_CLASSES,
    Modality,
    coarse_ids,
    parse_modality,
)
from auxdrive.steering import SteeringSpec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

SPECS = [
    SteeringSpec(),
    SteeringSpec(kind="normalised", positive="right", max_road_wheel_deg=25),
    SteeringSpec(kind="steering_wheel_deg", positive="left", ratio=15.0),
]


@pytest.mark.parametrize("spec", SPECS)
@given(number=st.floats(-1000, 1000))
def test_steering_goes_there_and_back(spec: SteeringSpec, number: float) -> None:
    assert float(spec.from_road_wheel_rad(spec.to_road_wheel_rad(number))) == pytest.approx(
        number, rel=1e-12, abs=1e-12
    )


def test_steering_has_the_right_size_and_sign() -> None:
    donkey = SPECS[1]
    assert float(donkey.to_road_wheel_rad(1.0)) == pytest.approx(-math.radians(25))
    assert float(SPECS[2].to_road_wheel_rad(30.0)) == pytest.approx(math.radians(2))
    np.testing.assert_allclose(
        donkey.to_road_wheel_rad(np.array([-1.0, 0.0])), [math.radians(25), 0.0]
    )


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "steering_wheel_deg"}, {"ratio": 12.0}, {"max_road_wheel_deg": 0}, {"gain": 1}],
)
def test_a_steering_spec_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SteeringSpec.model_validate(wrong)


def test_the_table_of_modalities_is_whole() -> None:
    assert set(MODALITIES) == set(Modality)
    assert set(ATTENTION_CLASSES) <= set(SEGMENTATION_CLASSES)
    assert {(n, CLASS_WITHIN[n] in ATTENTION_CLASSES) for n in CLASS_WITHIN} == {
        (n, n in ATTENTION_CLASSES) for n in CLASS_WITHIN
    }
    coarse = [FIRST_CLASSES[i] for i in coarse_ids(len(FIRST_CLASSES))]
    assert coarse == [*FIRST_CLASSES, *CLASS_WITHIN.values()]
    for modality, spec in MODALITIES.items():
        assert spec.modality is modality
        assert spec.check_frame(spec.array_shape(6, 8), spec.dtype) is None
        assert spec.check_frame((6,), spec.dtype) is not None
        assert spec.check_frame(spec.array_shape(6, 8), np.float64) is not None
        if spec.derived_from is not None:
            assert MODALITIES[spec.derived_from].derived_from is None


def test_names_that_are_nearly_right_are_answered_with_the_right_one() -> None:
    assert parse_modality(" Depth ") is Modality.DEPTH
    with pytest.raises(UsageError, match="Did you mean 'segmentation'"):
        parse_modality("segmentaton")
    assert "Did you mean" not in unknown_name("method", "zzz", ["samd", "umt"])


def test_a_card_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValidationError, match="colour"):
        DatasetCard.model_validate(
            {
                "name": "x",
                "rate_hz": 10,
                "modalities": ["rgb"],
                "camera": {"width": 8, "height": 8},
                "colour": 1,
            }
        )
