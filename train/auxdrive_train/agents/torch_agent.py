"""A run's network as an agent, in torch, with the same float32 computation as in evaluation. A
teacher can be driven only like this.

Legend: H, W rows and columns of the camera, E ego inputs, T waypoints.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from auxdrive.cards import CameraSpec, TaskName, VehicleSpec
from auxdrive.checks.gate import Gate, Inputs
from auxdrive.data.derived import derive
from auxdrive.errors import InputError, UsageError
from auxdrive.history import memory_of
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Observation, Prediction
from torch import Tensor

from auxdrive_train.data.batch import Batch
from auxdrive_train.engine.load import Run

NO_AUXILIARIES: Mapping[Modality, AnyArray] = {}


class RunAgent:
    """The network of one of a run's roles as an `auxdrive.agent.Agent`.

    Args:
        run: the loaded run.
        role: the network's role.
        threads: see `auxdrive_train.agents.entry.load_agent`.

    Raises:
        UsageError: the run has no such role, or threads is below 1.
    """

    def __init__(self, run: Run, role: str = "student", threads: int | None = 1) -> None:
        network = run.network_of(role)
        if threads is not None and threads < 1:
            raise UsageError(f"threads must be 1 or more, got {threads}")
        self.name = f"{run.directory.resolve().name} ({role})"
        self._network = network.eval()
        self._task = run.task
        self._card = run.card
        self._threads = threads
        self._gate = Gate(
            run.card.needed_camera,
            self.task,
            run.card.steering,
            run.task.form,
            run.task.ego,
            run.input_ranges,
        )
        self._memory = memory_of(run.config.history, run.card.needed_camera)
        self._closed = False

    @property
    def auxiliaries(self) -> tuple[Modality, ...]:
        """The recorded modalities that `act` needs besides RGB. Derived modalities are computed
        from these and from the image.
        """
        sources = (
            MODALITIES[modality].derived_from or modality for modality in self._network.modalities
        )
        return tuple(
            dict.fromkeys(modality for modality in sources if modality is not Modality.RGB)
        )

    @property
    def camera(self) -> CameraSpec:
        """The camera that it was trained with; a simulator mounts it on the car."""
        return self._card.needed_camera

    @property
    def steering(self) -> SteeringSpec:
        """The steering limits that it was trained with."""
        return self._card.steering

    @property
    def vehicle(self) -> VehicleSpec:
        """The vehicle that it was trained on."""
        return self._card.vehicle

    @property
    def task(self) -> TaskName:
        """What it predicts."""
        return self._task.name

    def reset(self) -> None:
        """Forget the images that were seen: a drive begins."""
        if self._memory is not None:
            self._memory.forget()

    def act(
        self, observation: Observation, auxiliaries: Mapping[Modality, AnyArray] = NO_AUXILIARIES
    ) -> Prediction:
        """Predict from one observation.

        Predictions are checked, withheld and flagged as by `auxdrive.predictor.Predictor`, so that
        a run drives like its bundle.

        Args:
            observation: image and ego inputs.
            auxiliaries: one frame, in its stored format, for each modality of `self.auxiliaries`;
                others are ignored.

        Raises:
            InputError: an image, number or frame is missing, has the wrong shape or dtype, or is
                not finite.
            UsageError: the agent is closed.
        """
        begin_s = time.perf_counter()
        if self._closed:
            raise UsageError(f"{self.name} is closed; load it again")
        inputs = self._gate.check(observation)
        batch = self._batch(inputs, auxiliaries)
        with _threads(self._threads), torch.no_grad():
            row = self._network(batch).prediction.float().numpy()[0].copy()
        latency_ms = (time.perf_counter() - begin_s) * 1e3
        return self._gate.judge(row, inputs).prediction(inputs.time_s, latency_ms)

    def close(self) -> None:
        """Refuse further calls. May be called again."""
        self._closed = True

    def _batch(self, inputs: Inputs, auxiliaries: Mapping[Modality, AnyArray]) -> Batch:
        """The observation as a batch of one sample."""
        given = {
            Modality.RGB: inputs.image,
            **{modality: self._frame(modality, auxiliaries) for modality in self.auxiliaries},
        }
        frames: dict[Modality, Tensor] = {}
        for modality in self._network.modalities:
            source = MODALITIES[modality].derived_from
            stored = given[modality] if source is None else derive(modality, given[source])
            if modality is Modality.RGB and self._memory is not None:
                stored = np.stack([stored, *self._memory.see(inputs.image, inputs.time_s)])
            # copied, since the caller's frame may be read-only
            frames[modality] = torch.from_numpy(np.array(stored)[np.newaxis])
        return Batch(
            frames=frames,
            present={modality: torch.ones(1, dtype=torch.bool) for modality in frames},
            ego_be=torch.tensor(inputs.ego_row, dtype=torch.float32).reshape(1, -1),
            label=torch.zeros((1, *self._task.label_shape)),
            index=torch.zeros(1, dtype=torch.int64),
        )

    def _frame(self, modality: Modality, auxiliaries: Mapping[Modality, AnyArray]) -> AnyArray:
        if modality not in auxiliaries:
            needed = ", ".join(self.auxiliaries)
            raise InputError(
                f"{self.name} needs a frame of {modality} in each call (it needs {needed}); the "
                "student needs the camera alone"
            )
        frame = np.asarray(auxiliaries[modality])
        wrong = MODALITIES[modality].check_frame(frame.shape, frame.dtype)
        if wrong is not None:
            raise InputError(wrong)
        return frame


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Set torch's number of CPU threads for a while. It belongs to the whole process, so it is set
    back.
    """
    before = torch.get_num_threads()
    if count is None or count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
