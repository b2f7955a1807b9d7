"""Frames of sensed and of computed modalities, and the error for modalities that are neither."""

from __future__ import annotations

import numpy as np
import pytest
from auxdrive.data.derived import DERIVATIONS
from auxdrive.errors import SimulatorError
from auxdrive.modalities import Modality
from auxdrive_eval.driving.sensing import sense
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded import sensors
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.spec import RECORDED


def test_computed_modalities_come_from_the_sensed_ones(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]
) -> None:
    simulator.reset(short_routes[0], 1)
    frames = sense(simulator, [Modality.EDGE, Modality.ATTENTION, Modality.DEPTH])
    sensed = simulator.sense([Modality.RGB, Modality.SEGMENTATION, Modality.DEPTH])
    assert np.array_equal(frames[Modality.EDGE], DERIVATIONS[Modality.EDGE](sensed[Modality.RGB]))
    assert np.array_equal(
        frames[Modality.ATTENTION], DERIVATIONS[Modality.ATTENTION](sensed[Modality.SEGMENTATION])
    )
    assert np.array_equal(frames[Modality.DEPTH], sensed[Modality.DEPTH])


def test_what_no_sensor_sees_is_a_simulator_error(
    simulator: EmbeddedSimulator,
    short_routes: tuple[Route, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sensors, "SENSED", RECORDED)
    simulator.reset(short_routes[0], 1)
    with pytest.raises(SimulatorError, match="no sensor for infrared"):
        sense(simulator, [Modality.RGB, Modality.INFRARED])
