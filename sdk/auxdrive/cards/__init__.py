"""Cards: the JSON files in which a data set (`dataset.json`) and a bundle (`card.json`) describe
themselves. They are data alone: nothing in them is ever executed, and unknown keys are refused.
"""

from auxdrive.cards.dataset import DatasetCard, EpisodeOrigin
from auxdrive.cards.measured import Interval, OodSpec, ParitySpec, PrecisionGate, PrecisionSpec
from auxdrive.cards.model import (
    InputRange,
    ModelCard,
    PreprocessingSpec,
    Provenance,
    TaskName,
    TensorSpec,
)
from auxdrive.cards.parts import (
    LEAST_FOV_DEG,
    WHEELBASE_M,
    CameraSpec,
    HistorySpec,
    Pixels,
    VehicleSpec,
    without_history,
)

__all__ = [
    "LEAST_FOV_DEG", "WHEELBASE_M",
    "CameraSpec", "DatasetCard", "EpisodeOrigin", "HistorySpec", "InputRange", "Interval",
    "ModelCard", "OodSpec", "ParitySpec", "Pixels", "PrecisionGate", "PrecisionSpec",
    "PreprocessingSpec", "Provenance", "TaskName", "TensorSpec", "VehicleSpec", "without_history",
]  # fmt: skip
