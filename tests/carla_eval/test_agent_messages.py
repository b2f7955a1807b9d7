"""What goes through the pipe between an agent and its driver: predictions arrive unchanged, and
everything else is refused.
"""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from auxdrive.types import Flag, Prediction
from auxdrive_eval.driving.agents.messages import PredictionMessage, message_of
from auxdrive_eval.driving.agents.wire import BrokenMessage, read_message, write_message
from hypothesis import given
from hypothesis import strategies as st
from strange_agents import TIMES_S

FOUR = np.ones((4, 2), np.float32)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (0.3, "returned a float; it must return an auxdrive.types.Prediction"),
        (
            Prediction(1.0, 1.0, steer_rad="left"),
            "steer_rad is the str 'left'; it must be a number",
        ),  # type: ignore[arg-type]
        (Prediction(1.0, 1.0, steer_rad=True), "steer_rad is the bool True"),
        (Prediction(1.0, 1.0, steer_rad=[1, 2]), "steer_rad is no number"),  # type: ignore[arg-type]
        (Prediction(1.0, 1.0, None, np.zeros((3, 7)), TIMES_S), r"waypoints of the shape \(3, 7\)"),
        (Prediction(1.0, 1.0, None, np.zeros((1, 2)), (1.0,)), r"waypoints of the shape \(1, 2\)"),
        (
            Prediction(1.0, 1.0, None, np.zeros((10**6, 2)), ()),
            r"waypoints of the shape \(1000000, 2\)",
        ),
        (Prediction(1.0, 1.0, None, [[object()] * 2] * 4, TIMES_S), "float"),  # type: ignore[arg-type]
        (Prediction(1.0, 1.0, steer_rad=np.True_), "steer_rad is the bool"),  # type: ignore[arg-type]
        (
            Prediction(1.0, 1.0, None, FOUR.astype(complex), TIMES_S),
            "waypoints of the type complex128; they must be real",
        ),
        (Prediction(1.0, 1.0, None, FOUR.astype(str), TIMES_S), "waypoints of the type <U"),
        (Prediction(1.0, 1.0, None, FOUR.astype(bool), TIMES_S), "waypoints of the type bool"),
        (
            Prediction(1.0, 1.0, None, FOUR.astype("M8[s]"), TIMES_S),
            "waypoints of the type datetime64",
        ),
        (Prediction(1.0, 1.0, None, [[1, 2], [3]], TIMES_S), "inhomogeneous"),  # type: ignore[arg-type]
        (Prediction(1.0, 1.0, None, FOUR), "4 waypoints with 0 times"),
        (Prediction(1.0, 1.0, None, FOUR, (0.5, 1.0, float("nan"), 2.0)), "they must be finite"),
        (Prediction(1.0, 1.0, 0.0, FOUR, TIMES_S), "a steering angle and waypoints"),
        (Prediction(float("nan"), 1.0, steer_rad=0.0), "of the time nan"),
        (Prediction(None, 1.0, steer_rad=0.0), "time_s is no number"),  # type: ignore[arg-type]
        (Prediction(1.0, 1.0, flags=frozenset({"mine"})), "'mine' is not a valid Flag"),  # type: ignore[arg-type]
        (Prediction(1.0, 1.0, flags=None), "not iterable"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_prediction_is_refused_and_named(returned: object, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        message_of(returned)


@given(
    st.lists(st.tuples(st.floats(width=32), st.floats(width=32)), min_size=2, max_size=8),
    st.one_of(st.none(), st.floats()),
    st.sets(st.sampled_from(Flag)),
)
def test_a_prediction_comes_through_the_pipe_as_it_was(
    pairs: list[tuple[float, float]], steer_rad: float | None, flags: set[Flag]
) -> None:
    waypoints = None if steer_rad is not None else np.array(pairs, np.float32)
    times = tuple(0.5 * (n + 1) for n in range(len(pairs))) if waypoints is not None else ()
    sent = Prediction(3.25, 1.5, steer_rad, waypoints, times, frozenset(flags))
    pipe = io.BytesIO()
    write_message(pipe, message_of(sent).model_dump(mode="json"))
    pipe.seek(0)
    message = read_message(pipe)
    assert message is not None
    come = PredictionMessage.model_validate(message[0]).prediction()
    numbers = (
        [steer_rad] if steer_rad is not None else np.array(pairs, np.float32).reshape(-1).tolist()
    )
    if all(math.isfinite(number) for number in numbers):
        assert come == sent
    else:
        assert come == Prediction(
            3.25, 1.5, None, None, times, frozenset(flags | {Flag.NON_FINITE_OUTPUT})
        )


@given(st.binary(max_size=64), st.integers(0, 100))
def test_what_is_no_message_is_refused(noise: bytes, cut: int) -> None:
    pipe = io.BytesIO()
    write_message(pipe, {"op": "act"}, {"image": np.arange(12, dtype=np.uint8).reshape(2, 2, 3)})
    whole = pipe.getvalue()
    for data in (noise, whole[: cut % len(whole)], whole[:4] + noise):
        try:
            read_message(io.BytesIO(data))
        except BrokenMessage:
            continue


def test_arrays_of_any_real_kind_are_taken_and_what_is_masked_is_withheld() -> None:
    expected = np.arange(8.0).reshape(4, 2)
    kinds = [expected.astype(kind) for kind in (np.float16, ">f8", np.int64, object)]
    for array in (
        *kinds,
        np.asfortranarray(expected),
        expected[::-1].copy()[::-1],
        np.ma.masked_array(expected, mask=False),
    ):
        assert message_of(Prediction(1.0, 1.0, None, array, TIMES_S)).waypoints_ego_m == tuple(
            map(tuple, expected.tolist())
        )
    masked = np.ma.masked_array(expected, mask=[[True, False]] + [[False, False]] * 3)
    withheld = message_of(Prediction(1.0, 1.0, None, masked, TIMES_S))
    assert (withheld.waypoints_ego_m, withheld.flags) == (None, (Flag.NON_FINITE_OUTPUT,))
