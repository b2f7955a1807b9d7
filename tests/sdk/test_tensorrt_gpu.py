"""TensorRT on a GPU: engines run, are kept, and a recorded call gives what an unrecorded one does.
What every runtime must do is looked at in `tests/checks/test_every_runtime.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from auxdrive.bundles import IMAGE_INPUT, Bundle
from auxdrive.checks.parity import compare, predict_all, read_reference
from auxdrive.predictor import Predictor
from auxdrive.runtimes import RUNTIMES
from auxdrive.storage.user_cache import VARIABLE

pytestmark = pytest.mark.gpu


@pytest.fixture(params=["tensorrt", "tensorrt_rtx"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two that runs here, with an empty cache."""
    try:
        why = RUNTIMES[request.param].probe()["devices"]["cuda"]
    except ImportError as error:
        why = f"not installed: {error}"
    if why:
        pytest.skip(f"{request.param}: {why}")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return str(request.param)


def test_an_engine_is_kept_and_loaded_again(
    runtime: str, waypoint_bundle: Path, tmp_path: Path
) -> None:
    wanted = read_reference(Bundle.open(waypoint_bundle))
    outputs = []
    for _ in range(2):
        with Predictor.load(waypoint_bundle, runtime) as predictor:
            outputs.append(predict_all(predictor, wanted.images, wanted.ego))
        (engine,) = (tmp_path / "cache" / "engines").glob("*.engine")
        outputs.append(np.float64(engine.stat().st_mtime_ns))
    assert outputs[1] == outputs[3], "it was built once"
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_recorded_calls_and_tf32_give_what_they_must(runtime: str, waypoint_bundle: Path) -> None:
    bundle = Bundle.open(waypoint_bundle)
    wanted = read_reference(bundle)
    found = {}
    for options in ({}, {"cuda_graph": False}, {"tf32": True}):
        with Predictor.load(bundle, runtime, options=options) as predictor:
            found[str(options)] = predict_all(predictor, wanted.images, wanted.ego)
    plain, unrecorded, tf32 = found.values()
    np.testing.assert_array_equal(plain, unrecorded)
    assert compare(bundle.card.task, plain, wanted.outputs).worst <= bundle.card.parity.limit
    np.testing.assert_allclose(tf32, plain, rtol=0.05, atol=0.05)


def test_sessions_come_and_go_without_keeping_the_gpus_memory(
    runtime: str, steering_bundle: Path
) -> None:
    from cuda.bindings import runtime as cuda

    free = []
    for _ in range(6):
        with Predictor.load(steering_bundle, runtime) as predictor:
            buffer = predictor.session.inputs[IMAGE_INPUT]
        free.append(int(cuda.cudaMemGetInfo()[1]))
        assert buffer.sum() >= 0  # pinned memory lives as long as its array
    assert free[-1] >= free[1] - (1 << 20)
