"""The predictor: right predictions, refused inputs, withheld outputs, no image-sized allocations,
one call at a time.
"""

from __future__ import annotations

import threading
import time
import tracemalloc
from pathlib import Path

import bundle_factory
import numpy as np
import pytest
from auxdrive.agent import Agent
from auxdrive.bundles import IMAGE_INPUT, Bundle
from auxdrive.cards import CameraSpec, TensorSpec
from auxdrive.checks.parity import observations, read_reference
from auxdrive.errors import InputError, UsageError
from auxdrive.predictor import Predictor
from auxdrive.types import Flag, Observation

IMAGE = np.full((24, 32, 3), 90, np.uint8)


def frames_of(bundle: Path) -> list[Observation]:
    opened = Bundle.open(bundle)
    reference = read_reference(opened)
    return list(observations(opened.card, reference.images, reference.ego))


def test_steering(steering_bundle: Path) -> None:
    expected = np.load(steering_bundle / "reference/outputs.npy")
    with Predictor.load(steering_bundle, threads=1) as predictor:
        for observation, (steer_rad,) in zip(frames_of(steering_bundle), expected, strict=True):
            prediction = predictor.predict(observation)
            assert prediction.steer_rad == pytest.approx(steer_rad, abs=1e-6)
            assert prediction.waypoints_ego_m is None
            assert prediction.time_s == observation.time_s
            assert 0 < prediction.latency_ms < 10_000
            assert not prediction.flags
        assert predictor.providers == ("CPUExecutionProvider",)


def test_waypoints_are_the_callers_to_keep(waypoint_bundle: Path) -> None:
    expected = np.load(waypoint_bundle / "reference/outputs.npy")
    with Predictor.load(waypoint_bundle) as predictor:
        kept = [
            predictor.predict(observation).waypoints_ego_m
            for observation in frames_of(waypoint_bundle)
        ]
        times = predictor.predict(frames_of(waypoint_bundle)[0]).waypoint_times_s
    np.testing.assert_allclose(np.stack(kept), expected, atol=1e-5)
    assert times == bundle_factory.TIMES_S


def test_it_is_an_agent(steering_bundle: Path) -> None:
    with Predictor.load(steering_bundle) as predictor:
        agent: Agent = predictor
        assert (agent.name, agent.auxiliaries) == ("test-steering", ())
        assert agent.steering.max_road_wheel_deg == 70.0
        assert agent.vehicle.wheelbase_m == 2.8
        observation = Observation(IMAGE, 0.0)
        assert agent.act(observation, {}).steer_rad == predictor.predict(observation).steer_rad


def test_views_of_other_memory_layouts(steering_bundle: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    bgr = image[..., ::-1].copy()
    with Predictor.load(steering_bundle) as predictor:
        predicted = predictor.predict(Observation(image, 0.0)).steer_rad
        assert predictor.predict(Observation(bgr[..., ::-1], 0.0)).steer_rad == predicted
        assert predictor.predict(Observation(np.asfortranarray(image), 0.0)).steer_rad == predicted


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (IMAGE.astype(np.float32) / 255, "uint8"),
        (IMAGE[:20], r"\(20, 32, 3\)"),
        (IMAGE[..., 0], "height, width, RGB"),
        (IMAGE[None], "height, width, RGB"),
        (np.zeros((24, 32, 4), np.uint8), "height, width, RGB"),
        (IMAGE.tolist(), "is a list"),
        (None, "is None"),
        (np.ma.masked_array(IMAGE, IMAGE > 80), "masked"),
        (IMAGE[:20], r"red, green, blue \(OpenCV gives BGR"),
    ],
)
def test_wrong_images(steering_bundle: Path, image: object, message: str) -> None:
    with Predictor.load(steering_bundle) as predictor, pytest.raises(InputError, match=message):
        predictor.predict(Observation(image, 0.0))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("speed", "target", "message"),
    [
        (None, (1.0, 2.0), "speed_mps"),
        (float("nan"), (1.0, 2.0), "speed_mps"),
        (1.0, None, "target_ego_m"),
        (1.0, (1.0, float("inf")), "target_ego_m"),
        (1.0, (1.0, 2.0, 3.0), "target_ego_m"),
    ],
)
def test_wrong_ego(
    waypoint_bundle: Path, speed: float | None, target: tuple[float, float] | None, message: str
) -> None:
    with Predictor.load(waypoint_bundle) as predictor:
        with pytest.raises(InputError, match=message):
            predictor.predict(Observation(IMAGE, 0.0, speed, target))
        good = predictor.predict(Observation(IMAGE, 0.0, 1.0, (5.0, 0.0)))
        assert good.waypoints_ego_m is not None


def test_wrong_time(steering_bundle: Path) -> None:
    with Predictor.load(steering_bundle) as predictor, pytest.raises(InputError, match="time_s"):
        predictor.predict(Observation(IMAGE, float("nan")))


@pytest.mark.parametrize(
    ("task", "bias"), [("steering", np.nan), ("steering", np.inf), ("waypoints", np.nan)]
)
def test_outputs_that_are_not_finite_are_withheld(tmp_path: Path, task: str, bias: float) -> None:
    bundle = bundle_factory.write_bundle(
        tmp_path / "b", task, graph=bundle_factory.model(1, task, bias=bias)
    )
    with Predictor.load(bundle) as predictor:
        prediction = predictor.predict(Observation(IMAGE, 0.0, 1.0, (5.0, 0.0)))
    assert prediction.flags == {Flag.NON_FINITE_OUTPUT}
    assert prediction.steer_rad is None
    assert prediction.waypoints_ego_m is None


def test_closed(steering_bundle: Path) -> None:
    predictor = Predictor.load(steering_bundle, warm_up=False)
    predictor.close()
    predictor.close()
    for call in (lambda: predictor.predict(Observation(IMAGE, 0.0)), predictor.warm_up):
        with pytest.raises(UsageError, match="closed"):
            call()


def test_calls_allocate_nothing_of_an_images_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    height, width = 480, 640
    monkeypatch.setattr(
        bundle_factory,
        "IMAGE",
        TensorSpec(
            name="image",
            shape=("batch", height, width, 3),
            dtype="uint8",
            unit="intensity",
            frame="camera",
        ),
    )
    monkeypatch.setattr(
        bundle_factory,
        "frames",
        lambda task: (np.zeros((1, height, width, 3), np.uint8), np.zeros((1, 0), np.float32)),
    )
    bundle = bundle_factory.write_bundle(
        tmp_path / "b", camera=CameraSpec(width=width, height=height)
    )
    observation = Observation(np.zeros((height, width, 6), np.uint8)[..., ::2], 0.0)
    with Predictor.load(bundle) as predictor:
        predictor.predict(observation)
        tracemalloc.start()
        try:
            for _ in range(10):
                predictor.predict(observation)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < observation.image.size / 50


def test_threads_take_turns(steering_bundle: Path) -> None:
    frames = frames_of(steering_bundle)
    expected = np.load(steering_bundle / "reference/outputs.npy")[:, 0]
    wrong: list[float] = []
    with Predictor.load(steering_bundle, threads=1) as predictor:

        def drive(index: int) -> None:
            for _ in range(200):
                steer_rad = predictor.predict(frames[index]).steer_rad
                if steer_rad is None or abs(steer_rad - expected[index]) > 1e-5:
                    wrong.append(steer_rad or 0.0)

        workers = [threading.Thread(target=drive, args=(index,)) for index in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert wrong == []


def test_a_call_does_not_touch_the_buffers_of_another(steering_bundle: Path) -> None:
    """The second caller waits: the first's image stays in the buffer until its graph has run."""
    frames, inside, go_on = frames_of(steering_bundle), threading.Event(), threading.Event()
    predictions: list[float | None] = []
    with Predictor.load(steering_bundle, threads=1) as predictor:
        wanted = [predictor.predict(frame).steer_rad for frame in frames[:2]]
        real = predictor._turns._session
        assert real is not None

        class Slow:
            inputs, outputs, providers, close = (
                real.inputs,
                real.outputs,
                real.providers,
                real.close,
            )

            def run(self, deadline_s: float | None = None) -> None:
                inside.set()
                assert go_on.wait(10)
                real.run()

        predictor._turns._session = Slow()  # type: ignore[assignment]  # the real session, held up
        callers = [
            threading.Thread(
                target=lambda frame=frame: predictions.append(predictor.predict(frame).steer_rad)
            )
            for frame in frames[:2]
        ]
        callers[0].start()
        assert inside.wait(10)
        callers[1].start()
        time.sleep(0.2)
        np.testing.assert_array_equal(real.inputs[IMAGE_INPUT][0], frames[0].image)
        go_on.set()
        for caller in callers:
            caller.join()
    assert predictions == wanted


def test_one_waypoint_that_is_not_finite_withholds_the_path(tmp_path: Path) -> None:
    bias = np.zeros(8, np.float32)
    bias[5] = np.inf
    bundle = bundle_factory.write_bundle(
        tmp_path / "b", "waypoints", bundle_factory.model(1, "waypoints", bias)
    )
    with Predictor.load(bundle) as predictor:
        prediction = predictor.predict(frames_of(bundle)[0])
    assert prediction.waypoints_ego_m is None
    assert prediction.flags == {Flag.NON_FINITE_OUTPUT}
