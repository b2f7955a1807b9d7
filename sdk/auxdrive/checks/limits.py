"""How large predictions may be, in `auxdrive verify` and in every call of a predictor. The limits
of inputs stand in `auxdrive.ego`, those of each task in `auxdrive.tasks`.

A prediction within the limits may still be wrong: they catch absurd numbers, and are no safety
envelope.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from auxdrive.tasks import TASKS

if TYPE_CHECKING:
    from auxdrive.cards import ModelCard
    from auxdrive.tasks.base import OutputLimit

MAX_SPEED_MPS = 70.0
"""The largest speed of a car that auxdrive drives. A waypoint that could only be reached faster is
wrong.
"""


def output_limit(card: ModelCard) -> OutputLimit:
    """How large the predictions of a card's model may be."""
    return TASKS[card.task].limit(card.steering)


def output_size(card: ModelCard, row: Sequence[Any]) -> float:
    """The size of a prediction in the unit of `output_limit`; infinite where a number is not
    finite.

    Args:
        card: of the model.
        row: the prediction as nested lists, of the task's shape.
    """
    return TASKS[card.task].size(row, card.form)
