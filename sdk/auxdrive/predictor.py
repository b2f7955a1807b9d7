"""The predictor: runs a bundle's model on one observation after the other.

A call checks the observation, copies the image into a buffer that `load` made (a large one is read
where it lies), runs the graph, and compares the output with the limits of `auxdrive.checks.limits`.
It allocates no memory of an image's size. For a model that sees several images at once it remembers
the last ones (`auxdrive.history`): the caller gives the current one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from auxdrive.bundles import OOD_OUTPUT, Bundle, ego_of, image_inputs
from auxdrive.cards import CameraSpec, ModelCard, TaskName, VehicleSpec
from auxdrive.checks.gate import Gate, Inputs
from auxdrive.errors import RuntimeFailure, UsageError
from auxdrive.history import memory_of
from auxdrive.loading import load_graph
from auxdrive.modalities import Modality
from auxdrive.precisions import FP32
from auxdrive.runtimes import (
    DEFAULT_RUNTIME,
    Session,
)
from auxdrive.runtimes.exclusive import Turns
from auxdrive.runtimes.frames import FrameInput
from auxdrive.signatures.policy import SignaturePolicy
from auxdrive.steering import SteeringSpec
from auxdrive.strict import Strict
from auxdrive.types import AnyArray, Float32, Observation, Prediction

if TYPE_CHECKING:
    from auxdrive.choosing import Choice

FIRST_RUN_S = 30.0
"""A graph that is not done with its first frame after this time is refused."""


class Predictor:
    """A bundle's model, loaded and ready to run. `load` makes one. It is an `auxdrive.Agent` too.

    Threads may share a predictor: their calls take turns. It works only in the process that loaded
    it. It may be closed at any time, even by a signal handler.

    Attributes:
        card: what the bundle's card says.
        runtime: the name of the runtime that executes the graph.
        device: that it runs on.
        threads: CPU threads of one call.
        providers: what executes the graph, in the runtime's own words.
        precision: of the graph, a name in `auxdrive.precisions.PRECISIONS`.
        choice: what `runtime="auto"` tried and chose; None where the runtime was named.

    Examples:
        >>> import numpy as np
        >>> from auxdrive import Observation, Predictor
        >>> image = np.zeros((24, 32, 3), np.uint8)
        >>> seen = Observation(image, time_s=0.0, speed_mps=4.0, target_ego_m=(20.0, 0.0))
        >>> with Predictor.load("bundle") as predictor:
        ...     prediction = predictor.predict(seen)
        >>> prediction.waypoints_ego_m.shape
        (4, 2)
    """

    def __init__(
        self,
        card: ModelCard,
        session: Session,
        runtime: str,
        device: str,
        threads: int,
        precision: str = FP32,
    ) -> None:
        self.card = card
        self.runtime = runtime
        self.device = device
        self.threads = threads
        self.providers = session.providers
        self.precision = precision
        self.choice: Choice | None = None
        self._turns = Turns(session)
        self._frame = FrameInput(session, *image_inputs(card.history.frames))
        self._memory = memory_of(card.history, card.camera)
        self._output: AnyArray = session.outputs[card.outputs[0].name][0]
        ood = card.ood_of(precision)
        self._ood: AnyArray | None = (
            None if ood is None else session.outputs[OOD_OUTPUT.name].reshape(())
        )
        ego = ego_of(card)
        self._ego = tuple(session.inputs[name] for name in ego.names)
        self._gate = Gate(
            card.camera, card.task, card.steering, card.form, ego, card.input_ranges,
            math.inf if ood is None else ood.threshold, card.history.frames,
        )  # fmt: skip

    @classmethod
    def load(
        cls,
        bundle: str | os.PathLike[str] | Bundle,
        runtime: str = DEFAULT_RUNTIME,
        device: str | None = None,
        threads: int | None = None,
        warm_up: bool = True,
        expect_sha256: str | None = None,
        require_signature: str | os.PathLike[str] | SignaturePolicy | None = None,
        options: Mapping[str, Any] | Strict | None = None,
        precision: str = FP32,
    ) -> Self:
        """Open and check a bundle (see `Bundle.open`) and load its graph.

        Args:
            bundle: a directory or an opened bundle.
            runtime: a name in `auxdrive.RUNTIMES`. Where it cannot be used, loading fails. "auto"
                takes the fastest of this machine, with its device (see `auxdrive.choosing`).
            device: one of the runtime's devices, such as "cpu" or "cuda", likewise; None for its
                first.
            threads: CPU threads of one call; None stands for `DEFAULT_THREADS`.
            warm_up: whether to run a few empty frames, so that the first real one takes no longer
                than those after it.
            expect_sha256: the SHA-256 that the bundle's card must have (`auxdrive verify` prints
                it); any other bundle is refused.
            require_signature: the PEM file of the public key whose signature the bundle must have,
                or a policy that says more; None asks for no signature. Needs the extra `sign`.
            options: values of the runtime's own options, or an object of its `options_type`; None
                stands for the defaults.
            precision: which of the bundle's graphs is run: "fp32", "fp16" or "int8".

        Raises:
            ConfigError: wrong options; the message names all of them.
            UsageError: unknown runtime or device, no such bundle, threads below 1, a precision that
                the bundle does not hold, `expect_sha256` is no SHA-256, or there is no such public
                key.
            MissingExtra: a signature is asked for, and the extra `sign` is not installed.
            BundleError: the bundle is damaged, not the expected one or not signed as required, or
                its graph is not what its card says.
            RuntimeFailure: the graph fails on an empty frame, or is not done with it after
                `FIRST_RUN_S`.
            RuntimeUnavailable: the runtime or device cannot be had here.
        """
        loaded = load_graph(
            bundle,
            runtime,
            device,
            threads,
            expect_sha256=expect_sha256,
            require_signature=require_signature,
            options=options,
            precision=precision,
        )
        predictor = cls(
            loaded.card, loaded.session, loaded.runtime, loaded.device, loaded.threads, precision
        )
        predictor.choice = loaded.choice
        if warm_up:
            predictor.warm_up()
        return predictor

    def warm_up(self, n: int = 5) -> None:
        """Run the graph `n` times on whatever its input buffers hold."""
        self._turns.call(_run_often, n)

    def predict(
        self, observation: Observation, earlier: Sequence[AnyArray] | None = None
    ) -> Prediction:
        """Predict from one observation. Ego inputs, such as the speed, must be given where the card
        declares them, and are ignored elsewhere. The image must not change during the call: a large
        one is not copied.

        A model whose card has `history` takes the earlier images that it needs from the calls
        before: by the observations' times, and none across `reset`, a pause or a clock set back
        (see `auxdrive.history`).

        Args:
            observation: of this moment.
            earlier: the earlier images instead, uint8 of the card's size, the newest first: for
                samples that do not follow each other. Nothing is remembered of such a call.

        Returns:
            The steering angle, the waypoints or what else the card's task predicts, with `flags`
            for what is wrong and the reason for them. Output that is not finite, or that `auxdrive
            verify` would refuse, is withheld: the prediction then `is_empty`, and controllers stop
            the car. It is empty too where the runtime failed. `ood_score` says how unlike the
            training images the image is, where the card has `ood`.

        Raises:
            InputError: an image is not uint8 of the card's size, there are more or fewer earlier
                ones than the model takes, or a number that is needed is missing, of another type
                (see `auxdrive.checks.numbers`) or not finite.
            UsageError: the predictor is closed, was loaded in another process, or is called by a
                signal handler in the middle of a call.
        """
        begin = perf_counter()
        inputs = self._gate.check(observation)
        if earlier is not None:
            self._gate.check_earlier(earlier)
        row, ood_score, failure = None, None, ""
        try:
            row, ood_score = self._turns.call(self._outputs_of, inputs, None, earlier)
        except RuntimeFailure as error:
            failure = str(error)
        verdict = self._gate.judge(row, inputs, failure, ood_score)
        return verdict.prediction(inputs.time_s, (perf_counter() - begin) * 1e3)

    def raw_output(
        self,
        observation: Observation,
        deadline_s: float | None = None,
        earlier: Sequence[AnyArray] | None = None,
    ) -> Float32:
        """What the graph gives for one frame, without any check of it: to compare runtimes with,
        never to drive by.

        Args:
            observation: as for `predict`.
            deadline_s: after which the call is ended; None for no deadline.
            earlier: as for `predict`.

        Returns:
            The output in the task's shape, such as (1,) radians or (T, 2) metres.

        Raises:
            InputError: as `predict`.
            UsageError: as `predict`.
            RuntimeFailure: the runtime failed, or was not done after `deadline_s`.
        """
        inputs = self._gate.check(observation)
        if earlier is not None:
            self._gate.check_earlier(earlier)
        row, _ = self._turns.call(self._outputs_of, inputs, deadline_s, earlier)
        return row

    @property
    def session(self) -> Session:
        """The loaded graph with its buffers: to time it without the predictor around it, never to
        drive by. Whoever runs it takes no turns with the predictor's calls.

        Raises:
            UsageError: as `predict`.
        """
        return self._turns.call(lambda session: session)

    def close(self) -> None:
        """Release the graph: at once or, where a call is under way, when that call has ended. Never
        waits, and may be called again.

        In a forked child process it does nothing: the graph belongs to the parent.
        """
        self._turns.close()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuses: a predictor can be neither pickled nor copied.

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

    # The rest of the Agent protocol.

    @property
    def name(self) -> str:
        """The card's name."""
        return self.card.name

    @property
    def auxiliaries(self) -> tuple[Modality, ...]:
        """None: a bundle holds a student, which is given camera images alone."""
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
        """The task whose predictions it gives."""
        return self.card.task

    def reset(self) -> None:
        """Forget the images that were seen: a drive begins. It may be called at any time. Does
        nothing for a model that takes the current image alone.
        """
        if self._memory is not None:
            self._memory.forget()

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, AnyArray]) -> Prediction:  # noqa: ARG002
        """Predict as `predict` does, for who drives an `auxdrive.Agent`.

        Args:
            observation: as for `predict`.
            auxiliaries: frames of whatever shape; they are ignored, since no bundle's model takes
                any.
        """
        return self.predict(observation)

    def _outputs_of(
        self,
        session: Session,
        inputs: Inputs,
        deadline_s: float | None = None,
        earlier: Sequence[AnyArray] | None = None,
    ) -> tuple[Float32, float | None]:
        """Run the graph once; a copy of the prediction, and the out-of-distribution score."""
        for buffer, values in zip(self._ego, inputs.ego, strict=True):
            buffer[0] = values
        if self._memory is None:
            self._frame.run(session, inputs.image, deadline_s)
        else:
            if earlier is None:
                earlier = self._memory.see(inputs.image, inputs.time_s)
            self._frame.run(session, inputs.image, deadline_s, earlier)
        return self._output.copy(), None if self._ood is None else self._ood.item()


def _run_often(session: Session, n: int) -> None:
    for turn in range(n):
        # A graph that is far too slow is refused here, in the first run: later calls have no
        # deadline.
        session.run(FIRST_RUN_S if turn == 0 else None)
