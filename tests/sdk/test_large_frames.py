"""Large frames are read where they lie: the same predictions, nothing kept of them, and a copy
where a runtime cannot read them there.
"""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import bundle_factory
import numpy as np
import pytest
from auxdrive.bundles import IMAGE_INPUT, Bundle
from auxdrive.checks.parity import read_reference
from auxdrive.predictor import Predictor
from auxdrive.runtimes import RUNTIMES, ReadsInPlace
from auxdrive.runtimes import frames as frames_module
from auxdrive.runtimes.frames import FrameInput
from auxdrive.types import Observation, UInt8

IN_PLACE = ("onnxruntime", "openvino")


class Weak(np.ndarray[Any, Any]):
    """An array that tells when it is gone."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_factory.write_bundle(tmp_path_factory.mktemp("large") / "bundle")


@pytest.fixture
def images(bundle: Path) -> list[UInt8]:
    return [np.array(image) for image in read_reference(Bundle.open(bundle)).images]


@pytest.fixture(params=IN_PLACE)
def runtime(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    try:
        RUNTIMES[name].probe()
    except ImportError as error:
        pytest.skip(f"{name} is not installed: {error}")
    return name


def predictions(predictor: Predictor, images: list[UInt8]) -> list[float | None]:
    return [predictor.predict(Observation(image, 1.0)).steer_rad for image in images]


def forms(image: UInt8) -> list[UInt8]:
    """The same image in memory of other kinds."""
    locked = image.copy()
    locked.flags.writeable = False
    turned = np.ascontiguousarray(image[:, :, ::-1])[:, :, ::-1]
    padded = np.zeros((image.shape[0], image.shape[1] + 3, 3), np.uint8)
    padded[:, 3:] = image
    odd = np.zeros(image.size + 1, np.uint8)[1:].reshape(image.shape)
    odd[:] = image
    return [image, locked, turned, padded[:, 3:], odd]


def test_predictions_are_those_of_copies_whatever_the_memory(
    runtime: str, bundle: Path, images: list[UInt8], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Predictor.load(bundle, runtime) as copying:
        wanted = predictions(copying, images)
        assert len(set(wanted)) > 1
    monkeypatch.setattr(frames_module, "LARGE_BYTES", 0)
    with Predictor.load(bundle, runtime) as predictor:
        for image, expected in zip(images, wanted, strict=True):
            assert predictions(predictor, forms(image)) == [expected] * 5
        first = Observation(images[0], 1.0)
        assert predictor.raw_output(first, deadline_s=60.0)[0] == np.float32(wanted[0])


def test_nothing_of_a_frame_is_kept(
    runtime: str, bundle: Path, images: list[UInt8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames_module, "LARGE_BYTES", 0)
    with Predictor.load(bundle, runtime) as predictor:
        buffer = predictor.session.inputs[IMAGE_INPUT]
        before = buffer.copy()
        held = images[0].copy().view(Weak)
        gone = weakref.ref(held)
        FrameInput(predictor.session, IMAGE_INPUT).run(predictor.session, held)
        np.testing.assert_array_equal(buffer, before)  # it was read where it lies
        shown = predictor.session.outputs[predictor.card.outputs[0].name].copy()
        del held
        gc.collect()
        assert gone() is None
        predictor.warm_up(1)  # on the buffer again
        assert (predictor.session.outputs[predictor.card.outputs[0].name] != shown).any()


def test_small_frames_and_other_sessions_are_given_copies(
    bundle: Path, images: list[UInt8], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Predictor.load(bundle) as predictor:
        assert isinstance(predictor.session, ReadsInPlace)
        predictions(predictor, images[:1])
        np.testing.assert_array_equal(predictor.session.inputs[IMAGE_INPUT][0], images[0])
        monkeypatch.setattr(frames_module, "LARGE_BYTES", 0)

        class Plain:
            """Of a runtime that knows its buffers alone."""

            def __init__(self, session: Any) -> None:
                self.inputs, self.outputs = session.inputs, session.outputs
                self.providers, self.run, self.close = session.providers, session.run, session.close

        plain: Any = Plain(predictor.session)
        FrameInput(plain, IMAGE_INPUT).run(plain, images[1])
        np.testing.assert_array_equal(plain.inputs[IMAGE_INPUT][0], images[1])
