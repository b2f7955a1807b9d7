"""Ego inputs: rows are made and taken apart by the one table, forwards and back."""

from __future__ import annotations

from dataclasses import fields
from itertools import permutations

import numpy as np
import pytest
from auxdrive.cards import InputRange
from auxdrive.data.state import STATE_DTYPE
from auxdrive.ego import EGO_INPUTS
from auxdrive.ego_layout import EgoLayout
from auxdrive.errors import InputError, UsageError
from auxdrive.types import Observation

IMAGE = np.zeros((2, 3, 3), np.uint8)
ORDERS = [names for count in range(3) for names in permutations(EGO_INPUTS, count)]


@pytest.mark.parametrize("names", ORDERS)
def test_every_way_into_a_row_and_out_of_it_agrees(names: tuple[str, ...]) -> None:
    layout = EgoLayout(names)
    state = np.zeros(1, STATE_DTYPE)
    wanted = [20.0 - 3.0 * place for place in range(layout.width)]  # commands are whole
    for field, number in zip(
        [field for each in layout.inputs for field in each.state], wanted, strict=True
    ):
        state[field] = number
    seen = Observation(IMAGE, 0.0, **layout.fields(wanted))
    assert [number for numbers in layout.read(seen) for number in numbers] == wanted
    row = layout.from_state(state)[0]
    assert row.dtype == np.float32
    assert row.tolist() == wanted
    assert layout.width == sum(spec.shape[1] for spec in layout.specs)
    assert [row[layout.columns[name]].tolist() for name in names] == list(
        map(list, layout.read(seen))
    )


@pytest.mark.parametrize("name", EGO_INPUTS)
def test_a_row_of_the_table_is_whole(name: str) -> None:
    each = EGO_INPUTS[name]
    assert name == each.name
    assert name in {field.name for field in fields(Observation)}, (
        f"auxdrive.types.Observation has no field {name}: a vehicle could not give it"
    )
    for field in each.state:
        assert field in (STATE_DTYPE.names or ()), (
            f"auxdrive.data.state.STATE_DTYPE has no field {field}: nothing that is recorded has it"
        )
    assert each.size == len(each.axes) == len(each.mirror) == len(each.example)
    assert all(each.low <= number <= each.high for number in each.example)
    numbers = np.linspace(each.low, each.high, 9)
    for mirror in each.mirror:
        np.testing.assert_array_equal(mirror(mirror(numbers)), numbers)


def test_what_was_not_recorded_is_not_a_number() -> None:
    state = np.zeros(2, STATE_DTYPE)
    state["speed_mps"] = [np.nan, 3.0]
    assert np.isnan(EgoLayout(("speed_mps",)).from_state(state)[:, 0]).tolist() == [True, False]


def test_mirroring_turns_the_goal_alone() -> None:
    rows = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, -6.0]], np.float32)
    mirrored = EgoLayout(("target_ego_m", "speed_mps")).mirror(rows)
    assert mirrored.tolist() == [[1.0, -2.0, 3.0], [4.0, -5.0, -6.0]]


def test_bounds_have_the_margin_of_their_input() -> None:
    ranges = {
        "speed_mps": InputRange(low=(0.0,), high=(10.0,)),
        "target_ego_m": InputRange(low=(0.0, -1.0), high=(990.0, 1.0)),
    }
    found = EgoLayout(ranges).bounds(ranges)
    assert (found["speed_mps"].low, found["speed_mps"].high) == ((-1.0,), (11.0,))
    assert (found["target_ego_m"].low, found["target_ego_m"].high) == ((-99.0, -2.0), (1000.0, 2.0))


def test_an_input_that_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="target_ego_m is None; give the target point, x forward"):
        EgoLayout(("speed_mps", "target_ego_m")).read(Observation(IMAGE, 0.0, 4.5))


def test_an_input_that_nobody_knows_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown ego input 'speed'.*Did you mean 'speed_mps'"):
        EgoLayout(("speed",))
