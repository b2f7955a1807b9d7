"""The predictor: one observation in, one prediction out, on the vehicle's clock.

    with Predictor.load("bundle") as predictor:
        prediction = predictor.predict(Observation(image=frame, time_s=now))

A call checks its input, copies the picture into a buffer that exists since `load`, runs the graph and reads the result out; it
allocates nothing of a picture's size. A predictor may be shared between threads: calls take turns.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from threading import Lock
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import numpy as np

from auxdrive.bundles import IMAGE_INPUT, MODEL_NAME, OUTPUT_OF_TASK, Bundle
from auxdrive.cards import CameraSpec, ModelCard, Task, TensorSpec, VehicleSpec
from auxdrive.checks.graph import read_graph
from auxdrive.errors import BundleError, InputError, UsageError
from auxdrive.modalities import Modality
from auxdrive.runtimes import Session, runtime_factory
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Flag, Observation, Prediction

MAX_DEFAULT_THREADS = 4
"""Without `threads`, a predictor takes the CPUs that its process may use, at most this many: small networks gain nothing from more."""

_NO_FLAGS: frozenset[Flag] = frozenset()
_NON_FINITE = frozenset({Flag.NON_FINITE_OUTPUT})


class Predictor:
    """A loaded bundle. Made by `load`; also an `auxdrive.agent.Agent`."""

    def __init__(self, card: ModelCard, session: Session, runtime: str, device: str, threads: int) -> None:
        self.card = card
        self.runtime = runtime
        self.device = device
        self.threads = threads
        self.providers = session.providers
        self._session: Session | None = session
        self._lock = Lock()
        self._shape = (card.camera.height, card.camera.width, 3)
        self._image: AnyArray = session.inputs[IMAGE_INPUT][0]
        self._speed = session.inputs.get("speed_mps")
        self._target = session.inputs.get("target_ego_m")
        self._output: AnyArray = session.outputs[OUTPUT_OF_TASK[card.task]][0]
        self._steers = card.task == "steering"
        self._times = card.waypoint_times_s

    @classmethod
    def load(
        cls,
        bundle: str | os.PathLike[str] | Bundle,
        runtime: str = "onnxruntime",
        device: str = "cpu",
        threads: int | None = None,
        warm_up: bool = True,
        expect_sha256: str | None = None,
    ) -> Self:
        """Open and check a bundle (see `Bundle.open`) and load its graph from the checked bytes.

        Args:
            bundle: a directory or an opened bundle.
            runtime: a name in `auxdrive.runtimes.RUNTIMES`. device: "cpu" or "cuda". Exactly these are used, or it fails.
            threads: CPU threads of one call; None: see `MAX_DEFAULT_THREADS`.
            warm_up: run a few empty frames first, so that the first real one takes no longer than the others.
            expect_sha256: the SHA-256 that the bundle's card must have (`auxdrive verify` prints it): this bundle and no other.

        Raises:
            UsageError: unknown runtime or device, no such bundle, threads below 1, or `expect_sha256` is no SHA-256.
            BundleError: the bundle is damaged, another than expected, or its graph is not what its card says.
            RuntimeUnavailable: the runtime or device cannot be had here.
        """
        open_session = runtime_factory(runtime)
        if threads is not None and threads < 1:
            raise UsageError(f"threads must be 1 or more, got {threads}")
        threads = threads or min(MAX_DEFAULT_THREADS, _usable_cpus())
        if isinstance(bundle, Bundle):
            opened = bundle
            if expect_sha256 is not None:
                opened.hold_to(expect_sha256)
        else:
            opened = Bundle.open(bundle, expect_sha256)
        model = opened.read(MODEL_NAME)
        _refuse_what_leaves_the_file(model, opened)
        card = opened.card
        session = open_session(model, _one_frame(card.inputs), _one_frame(card.outputs), device, threads)
        predictor = cls(card, session, runtime, device, threads)
        if warm_up:
            predictor.warm_up()
        return predictor

    def warm_up(self, n: int = 5) -> None:
        """Run the graph `n` times on what its input buffers hold."""
        with self._lock:
            session = self._open_session()
            for _ in range(n):
                session.run()

    def predict(self, observation: Observation) -> Prediction:
        """Predict from one observation. Speed and target are needed if, and looked at only if, the card declares them.

        Returns:
            The steering angle or the waypoints. An output that is not finite is withheld: `steer_rad` and `waypoints_ego_m`
            are None and the flag NON_FINITE_OUTPUT is set (controllers then stop the car).

        Raises:
            InputError: the image is not uint8 of the card's size, or a needed number is missing or not finite.
            UsageError: the predictor is closed.
        """
        begin = perf_counter()
        image = observation.image
        if not isinstance(image, np.ndarray) or image.shape != self._shape or image.dtype != np.uint8:
            raise InputError(_wrong_image(image, self._shape))
        if not math.isfinite(observation.time_s):
            raise InputError(f"time_s is {observation.time_s}; give the capture time in seconds")
        steer_rad, waypoints = None, None
        flags = _NO_FLAGS
        with self._lock:
            session = self._session or self._open_session()
            if self._speed is not None:
                self._speed[0, 0] = _finite("speed_mps", observation.speed_mps)
            if self._target is not None:
                self._target[0] = _finite_pair("target_ego_m", observation.target_ego_m)
            np.copyto(self._image, image)
            session.run()
            if self._steers:
                steer_rad = float(self._output[0])
            else:
                waypoints = self._output.copy()
        if steer_rad is not None:
            if not math.isfinite(steer_rad):
                steer_rad, flags = None, _NON_FINITE
        elif waypoints is not None and not np.isfinite(waypoints).all():
            waypoints, flags = None, _NON_FINITE
        return Prediction(observation.time_s, (perf_counter() - begin) * 1e3, steer_rad, waypoints, self._times, flags)

    def close(self) -> None:
        """Release the graph. May be called again."""
        with self._lock:
            if self._session is not None:
                self._session.close()
            self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # What the Agent protocol asks for.

    @property
    def name(self) -> str:
        """The card's name."""
        return self.card.name

    @property
    def auxiliaries(self) -> tuple[Modality, ...]:
        """None: a bundle holds a student, which sees the camera alone."""
        return ()

    @property
    def camera(self) -> CameraSpec:
        """The camera that it was trained with."""
        return self.card.camera

    @property
    def steering(self) -> SteeringSpec:
        """The steering limits that it was trained with."""
        return self.card.steering

    @property
    def vehicle(self) -> VehicleSpec:
        """The vehicle that it was trained on."""
        return self.card.vehicle

    @property
    def task(self) -> Task:
        """What it predicts."""
        return self.card.task

    def reset(self) -> None:
        """Nothing to forget: a prediction depends on its observation alone."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, AnyArray]) -> Prediction:  # noqa: ARG002
        """`predict`; the auxiliaries are not looked at."""
        return self.predict(observation)

    def _open_session(self) -> Session:
        if self._session is None:
            raise UsageError("this predictor is closed; load the bundle again")
        return self._session


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _one_frame(specs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    return tuple(spec.model_copy(update={"shape": (1, *spec.shape[1:])}) for spec in specs)


def _refuse_what_leaves_the_file(model: bytes, bundle: Bundle) -> None:
    """A graph loaded from bytes would look for external tensors in the working directory, and run whatever custom operator is there."""
    facts = read_graph(model, f"{bundle.model_path}")
    if facts.external_tensors:
        raise BundleError(
            f"{bundle.model_path}: tensors lie in other files ({', '.join(facts.external_tensors[:3])}); export it in one file"
        )
    if custom := facts.custom_operators():
        raise BundleError(f"{bundle.model_path}: needs custom operators ({', '.join(custom[:3])}); export it with ONNX's own")


def _wrong_image(image: Any, shape: tuple[int, ...]) -> str:
    height, width, _ = shape
    if not isinstance(image, np.ndarray):
        return f"the image is a {type(image).__name__}; give a NumPy array uint8 ({height}, {width}, 3), RGB"
    if image.dtype != np.uint8:
        return f"the image is {image.dtype}; give uint8 RGB as the camera delivers it: the graph scales it itself"
    return f"the image has the shape {image.shape}, this model takes {shape} (height, width, RGB). Resize it, or train for this camera"


_LARGEST = float(np.finfo(np.float32).max)
"""The graph's inputs are float32: what is beyond would become infinite in them."""


def _finite(name: str, value: float | None) -> float:
    if value is None or not abs(value) <= _LARGEST:
        raise InputError(f"this model needs {name} as a finite number, got {value}; give it in the Observation")
    return value


def _finite_pair(name: str, value: tuple[float, float] | None) -> tuple[float, float]:
    if value is None or len(value) != 2 or not (abs(value[0]) <= _LARGEST and abs(value[1]) <= _LARGEST):
        raise InputError(f"this model needs {name} as two finite numbers (x forward, y left, metres), got {value}")
    return value
