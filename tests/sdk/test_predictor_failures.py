"""A runtime that fails while it runs a graph gives a withheld prediction, and what a signal handler
raises is no failure of the runtime.
"""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import onnx
import pytest
from auxdrive.bundles import Bundle
from auxdrive.errors import RuntimeFailure
from auxdrive.predictor import Predictor
from auxdrive.runtimes import open_session
from auxdrive.types import Flag, Observation
from onnx import TensorProto, helper, numpy_helper

IMAGE = np.full((24, 32, 3), 90, np.uint8)


def failing_on_bright_frames() -> onnx.ModelProto:
    """Takes the element (brightness - 100) of a list of 64 for the angle: beyond its end for bright
    frames, and ONNX Runtime fails.
    """
    stored = {
        "axes": np.array([1, 2, 3], np.int64),
        "off": np.float32(100).reshape(()),
        "angles": np.full(64, 0.1, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
        helper.make_node("Sub", ["mean", "off"], ["over"]),
        helper.make_node("Relu", ["over"], ["positive"]),
        helper.make_node("Cast", ["positive"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["angles", "index"], ["one"]),
        helper.make_node("Unsqueeze", ["one", "last"], ["steer_rad"]),
    ]
    stored["last"] = np.array([1], np.int64)
    graph = helper.make_graph(
        nodes,
        "student",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ("batch", 24, 32, 3))],
        [helper.make_tensor_value_info("steer_rad", TensorProto.FLOAT, ("batch", 1))],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def failing_predictor(bundle: Path) -> Predictor:
    """Past the checks of `load`, which may refuse such a graph: what is asked here is what a
    runtime's failure does.
    """
    card = Bundle.open(bundle).card
    one = [
        tuple(spec.model_copy(update={"shape": (1, *spec.shape[1:])}) for spec in specs)
        for specs in (card.inputs, card.outputs)
    ]
    session = open_session("onnxruntime", failing_on_bright_frames().SerializeToString(), *one)
    return Predictor(card, session, "onnxruntime", "cpu", 1)


def test_a_failing_runtime_gives_a_withheld_prediction(steering_bundle: Path) -> None:
    dark, bright = Observation(IMAGE, 1.0), Observation(np.full((24, 32, 3), 255, np.uint8), 2.0)
    with failing_predictor(steering_bundle) as predictor:
        for _ in range(3):
            assert predictor.predict(dark).steer_rad == pytest.approx(0.1)
            prediction = predictor.predict(bright)
            assert (prediction.time_s, prediction.steer_rad, prediction.flags) == (
                2.0,
                None,
                {Flag.RUNTIME_FAILURE},
            )
            assert "ONNX Runtime failed while it ran the graph" in prediction.reason
        with pytest.raises(RuntimeFailure, match="ONNX Runtime"):
            predictor.raw_output(bright)


def predict_until_the_alarm(predictor: Predictor, after_s: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, after_s)
    while True:
        assert not predictor.predict(Observation(IMAGE, 0.0)).flags


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")
def test_what_a_signal_handler_raises_is_no_failure_of_the_runtime(steering_bundle: Path) -> None:
    class Stop(Exception):
        pass

    def handler(*_: object) -> None:
        raise Stop

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with Predictor.load(steering_bundle) as predictor:
            for attempt in range(50):
                with pytest.raises(Stop):
                    predict_until_the_alarm(predictor, 0.0004 + 0.00001 * attempt)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
