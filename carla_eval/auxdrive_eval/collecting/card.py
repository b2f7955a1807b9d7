"""The card of what is recorded in a simulator, whoever drives."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from auxdrive.cards import DatasetCard
from auxdrive.modalities import Modality, classes_of

from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator


def blank_card(
    settings: SimulatorSettings,
    name: str,
    rate_hz: float,
    modalities: Sequence[Modality],
    how: str,
) -> DatasetCard:
    """The card without its splits, which depend on the episodes that are there.

    Args:
        settings: of the simulator, with the camera of the recording.
        name: of the data set.
        rate_hz: frames per second of game time.
        modalities: what is recorded.
        how: who drives, and where the settings stand; it follows the simulator's title.
    """
    with closing(make_simulator(settings, sensors=False)) as simulator:
        return DatasetCard(
            name=name,
            rate_hz=rate_hz,
            modalities=tuple(modalities),
            classes=classes_of(modalities),
            camera=simulator.camera,
            steering=simulator.steering,
            vehicle=simulator.vehicle,
            source=f"{settings.spec.title}, {how}",
        )
