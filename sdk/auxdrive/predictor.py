"""The predictor: one observation in, one prediction out, on the vehicle's clock.

    with Predictor.load("bundle") as predictor:
        prediction = predictor.predict(Observation(image=frame, time_s=now))

A call checks its input, copies the image into a buffer that exists since `load`, runs the graph,
and holds the prediction against the limits of `auxdrive.checks.limits`; it allocates nothing of a
image's size. A predictor may be shared between threads: calls take turns. It works in the process
that loaded it alone, and may be closed at any time, also by a signal handler.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from time import perf_counter
from types import TracebackType
from typing import Any, NoReturn, Self

import numpy as np

from auxdrive.bundles import IMAGE_INPUT, MODEL_NAME, Bundle, ego_of
from auxdrive.cards import CameraSpec, ModelCard, TaskName, TensorSpec, VehicleSpec
from auxdrive.checks.admission import admit
from auxdrive.checks.gate import Gate, Inputs
from auxdrive.errors import RuntimeFailure, UsageError
from auxdrive.modalities import Modality
from auxdrive.runtimes import DEFAULT_RUNTIME, RUNTIMES, Session, open_session
from auxdrive.runtimes.exclusive import Turns
from auxdrive.steering import SteeringSpec
from auxdrive.strict import Strict
from auxdrive.types import AnyArray, Float32, Observation, Prediction

DEFAULT_THREADS = 1
"""On a machine that has other things to do, a second thread waits for a processor as often as it
helps: p99 was 20 ms with two and 1.3 to 8 with one. Give more where processors are reserved for
this process.
"""

FIRST_RUN_S = 30.0
"""A graph that is not done with its first frame after so many seconds is given up."""


class Predictor:
    """A loaded bundle. Made by `load`; also an `auxdrive.agent.Agent`."""

    def __init__(
        self, card: ModelCard, session: Session, runtime: str, device: str, threads: int
    ) -> None:
        self.card = card
        self.runtime = runtime
        self.device = device
        self.threads = threads
        self.providers = session.providers
        self._turns = Turns(session)
        self._image: AnyArray = session.inputs[IMAGE_INPUT][0]
        self._output: AnyArray = session.outputs[card.outputs[0].name][0]
        ego = ego_of(card)
        self._ego = tuple(session.inputs[name] for name in ego.names)
        self._gate = Gate(
            card.camera, card.task, card.steering, card.waypoint_times_s, ego, card.input_ranges
        )

    @classmethod
    def load(
        cls,
        bundle: str | os.PathLike[str] | Bundle,
        runtime: str = DEFAULT_RUNTIME,
        device: str = "cpu",
        threads: int | None = None,
        warm_up: bool = True,
        expect_sha256: str | None = None,
        options: Mapping[str, Any] | Strict | None = None,
    ) -> Self:
        """Open and check a bundle (see `Bundle.open`) and load its graph from the checked bytes.

        Args:
            bundle: a directory or an opened bundle.
            runtime: a name in `auxdrive.runtimes.RUNTIMES`; it is used, or loading fails.
            device: one of the runtime's devices, such as "cpu" or "cuda"; the same.
            threads: CPU threads of one call; None: `DEFAULT_THREADS`.
            warm_up: run a few empty frames first, so that the first real one takes no longer than
                the others.
            expect_sha256: the SHA-256 that the bundle's card must have (`auxdrive verify` prints
                it): this bundle and no other.
            options: values of the runtime's `options_type`, or an object of it; the runtime's
                defaults where there are none.

        Raises:
            ConfigError: wrong options, all of them named.
            UsageError: unknown runtime or device, no such bundle, threads below 1, or
                `expect_sha256` is no SHA-256.
            BundleError: the bundle is damaged, another than expected, or its graph is not what its
                card says.
            RuntimeFailure: the graph fails on an empty frame, or is not done with it after
                `FIRST_RUN_S`.
            RuntimeUnavailable: the runtime or device cannot be had here.
        """
        RUNTIMES[runtime]  # whatever is wrong with the bundle, an unknown runtime is told first
        threads = DEFAULT_THREADS if threads is None else threads
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise UsageError(f"threads must be a whole number, 1 or more, got {threads!r}")
        if isinstance(bundle, Bundle):
            opened = bundle
            if expect_sha256 is not None:
                opened.hold_to(expect_sha256)
        else:
            opened = Bundle.open(bundle, expect_sha256)
        model, card = opened.read(MODEL_NAME), opened.card
        admit(model, card, f"{opened.model_path}")
        session = open_session(
            runtime,
            model,
            _one_frame(card.inputs),
            _one_frame(card.outputs),
            device,
            threads,
            options,
        )
        predictor = cls(card, session, runtime, device, threads)
        if warm_up:
            predictor.warm_up()
        return predictor

    def warm_up(self, n: int = 5) -> None:
        """Run the graph `n` times on what its input buffers hold."""
        self._turns.call(_run_often, n)

    def predict(self, observation: Observation) -> Prediction:
        """Predict from one observation. Ego inputs, such as the speed, are needed if, and looked at
        only if, the card declares them.

        Returns:
            The steering angle, the waypoints or what else the card's task is, with the flags of
            `auxdrive.types.Flag` and the reason for them. A prediction that is not finite, or that
            `auxdrive verify` would refuse, is withheld: the prediction then `is_empty`, and
            controllers stop the car. So is that of a call in which the runtime fails.

        Raises:
            InputError: the image is not uint8 of the card's size, or a needed number is missing, of
                another type (see `auxdrive.checks.numbers`) or not finite.
            UsageError: the predictor is closed, was loaded in another process, or is called by a
                signal handler in the middle of a call.
        """
        begin = perf_counter()
        inputs = self._gate.check(observation)
        row, failure = None, ""
        try:
            row = self._turns.call(self._output_of, inputs)
        except RuntimeFailure as error:
            failure = str(error)
        verdict = self._gate.judge(row, inputs, failure)
        return verdict.prediction(inputs.time_s, (perf_counter() - begin) * 1e3)

    def raw_output(self, observation: Observation, deadline_s: float | None = None) -> Float32:
        """What the graph gives for one frame, (1,) radians or (T, 2) metres say, without judging
        it: to compare runtimes by, never to drive by.

        Raises:
            InputError, UsageError: as `predict`.
            RuntimeFailure: the runtime failed, or was not done after `deadline_s`.
        """
        return self._turns.call(self._output_of, self._gate.check(observation), deadline_s)

    def close(self) -> None:
        """Release the graph: at once, or, where a call is under way, when that has ended. Never
        waits; may be called again.

        Where the process was forked, the child's close does nothing: the graph is its parent's.
        """
        self._turns.close()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """A predictor is neither pickled nor copied.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "a predictor cannot be pickled or copied: one that was loaded in another process does "
            "not work. Load the bundle where it is "
            "needed, with Predictor.load"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
    def task(self) -> TaskName:
        """What it predicts."""
        return self.card.task

    def reset(self) -> None:
        """Nothing to forget: a prediction depends on its observation alone."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, AnyArray]) -> Prediction:  # noqa: ARG002
        """`predict`; the auxiliaries, of whatever shape, are not looked at."""
        return self.predict(observation)

    def _output_of(
        self, session: Session, inputs: Inputs, deadline_s: float | None = None
    ) -> Float32:
        """One run of the graph: a copy of what it gives for one frame."""
        for buffer, values in zip(self._ego, inputs.ego, strict=True):
            buffer[0] = values
        np.copyto(self._image, inputs.image)
        session.run(deadline_s)
        return self._output.copy()


def _run_often(session: Session, n: int) -> None:
    for turn in range(n):
        # What no vehicle has time for is ended where it shows first: a later call has no deadline
        # of its own.
        session.run(FIRST_RUN_S if turn == 0 else None)


def _one_frame(specs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    return tuple(spec.model_copy(update={"shape": (1, *spec.shape[1:])}) for spec in specs)
