"""One rule for numbers from callers: plain floats out, InputError for everything else, under every
NumPy.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
from auxdrive.checks.numbers import LARGEST, MAX_TIME_S, number, numbers, seconds
from auxdrive.errors import InputError
from hypothesis import given
from hypothesis import strategies as st


class Raising(float):
    def __float__(self) -> float:
        raise KeyError("not today")


class Whole(int):
    def __float__(self) -> float:
        raise ZeroDivisionError


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __float__(self) -> float:
        return 1.0


class Point(NamedTuple):
    x: float
    y: float


NOT_NUMBERS: list[Any] = [
    None, True, np.True_, "4", b"4", 4 + 0j, np.complex64(4), [4.0], (4.0,), {4.0}, {"x": 1},
    np.array([4.0]), np.array([1.0, 2.0]), np.array("4"), np.array(True), np.array(4 + 0j),
    np.array(None), np.ma.masked, np.datetime64("2025-01-01"), np.timedelta64(4, "s"), Decimal(4),
    Fraction(4), iter((4.0,)), object(), Unprintable(), Whole(4), 10**400, -(10**400), float,
    math.nan, math.inf, -math.inf, 1e39, np.float64(-1e39), np.float32("nan"), np.float16("inf"),
]  # fmt: skip


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda value: type(value).__name__)
def test_what_is_no_number(value: Any) -> None:
    for convert in (number, seconds):
        with pytest.raises(InputError, match="the_name"):
            convert("the_name", value)
    with pytest.raises(InputError, match=r"the_name\[1\]"):
        numbers("the_name", (0.0, value), 2)


@pytest.mark.parametrize(
    "value",
    [
        4,
        4.0,
        np.float16(4),
        np.float32(4),
        np.float64(4),
        np.int8(4),
        np.uint64(4),
        np.array(4),
        np.array(4.0),
    ],
)
def test_what_is_one(value: Any) -> None:
    for found in (
        number("x", value),
        seconds("x", value),
        *numbers("x", (value, value), 2),
        *numbers("x", [value, value], 2),
    ):
        assert type(found) is float
        assert found == 4.0


def test_a_float_with_a_conversion_of_its_own() -> None:
    with pytest.raises(InputError, match="KeyError"):
        number("x", Raising(4.0))


@pytest.mark.parametrize(
    "value",
    [(1.0, 2.0), [1, 2], np.array([1.0, 2.0], np.float32), np.array([1, 2]), Point(1.0, 2.0)],
)
def test_pairs(value: Any) -> None:
    found = numbers("x", value, 2)
    assert found == (1.0, 2.0)
    assert [type(part) for part in found] == [float, float]


@pytest.mark.parametrize(
    "value",
    [None, 5.0, "20", "ab", b"ab", (1.0,), (1, 2, 3), [], np.array([[1.0], [2.0]]),
     np.array(1.0), np.zeros(3), {1: 2, 3: 4}, {1.0, 2.0}, iter((1, 2)), (None, None), ("a", "b"),
     (True, False), (np.array([1.0, 2.0]), 0.0), np.ma.masked_array([1.0, 2.0], [True, False]),
     np.array(["1", "2"]), np.array([True, False])],
)  # fmt: skip
def test_what_is_no_pair(value: Any) -> None:
    with pytest.raises(InputError, match="the_name"):
        numbers("the_name", value, 2)


@pytest.mark.parametrize(
    "time_s",
    [1.8e12, 1.8e15, 1_790_000_000_000_000_000, np.int64(1_790_000_000_000_000_000), 2e10, -2e10],
)
def test_times_that_are_no_seconds(time_s: float) -> None:
    with pytest.raises(InputError, match=r"time_s is .* no seconds: milliseconds or nanoseconds"):
        seconds("time_s", time_s)


@pytest.mark.parametrize("time_s", [0, -3.5, 12.25, 1.79e9, MAX_TIME_S])
def test_times_that_are(time_s: float) -> None:
    assert seconds("time_s", time_s) == time_s


@given(st.floats(-LARGEST, LARGEST))
def test_floats_come_out_as_they_went_in(value: float) -> None:
    assert number("x", value) == value


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary(),
    st.lists,
)


@given(ANYTHING)
def test_anything_gives_a_float_or_an_input_error(value: Any) -> None:
    for convert in (number, seconds, partial(numbers, count=2)):
        try:
            found = convert("x", value)
        except InputError as error:
            message = str(error)
            found = ()
        else:
            message = "x"
        assert message.startswith("x")
        assert len(message) < 400
        assert all(
            type(part) is float and math.isfinite(part)
            for part in (found if isinstance(found, tuple) else (found,))
        )
