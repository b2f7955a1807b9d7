"""Frames of all modalities: those that the simulator senses, and those that are computed from
sensed ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from auxdrive.data.derived import DERIVATIONS
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.types import AnyArray

from auxdrive_eval.simulators.base import Simulator


def sense(simulator: Simulator, modalities: Collection[Modality]) -> Mapping[Modality, AnyArray]:
    """Frames of the present moment. They are valid until the next call.

    Args:
        simulator: whose sensors are read; each once, also if several modalities are computed from
            it.
        modalities: the modalities that are wanted.

    Returns:
        At least the modalities that are wanted, in the stored formats, whose shapes and units stand
        in `auxdrive.MODALITIES`.

    Raises:
        SimulatorError: no route is being driven, or a modality can be neither sensed nor computed.
    """
    derived = {
        modality: source
        for modality in modalities
        if (source := MODALITIES[modality].derived_from) is not None
    }
    frames = dict(
        simulator.sense(
            {*(modality for modality in modalities if modality not in derived), *derived.values()}
        )
    )
    return frames | {
        modality: DERIVATIONS[modality](frames[source]) for modality, source in derived.items()
    }
