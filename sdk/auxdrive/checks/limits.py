"""How large predictions may be: the limits of `verify`, and of the predictor at each call. What a
model may be asked stands in `auxdrive.ego`, what is particular to a task in `auxdrive.tasks`.

They are a floor, not a safety envelope: a prediction within them may still be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from auxdrive.tasks import TASKS

if TYPE_CHECKING:
    from auxdrive.cards import ModelCard
    from auxdrive.tasks.base import OutputLimit

MAX_SPEED_MPS = 70.0
"""No car that auxdrive drives is faster: waypoints farther away than this times their time are
wrong.
"""


def output_limit(card: ModelCard) -> OutputLimit:
    """The limit of a card's predictions."""
    return TASKS[card.task].limit(card.steering)


def output_size(card: ModelCard, row: Sequence[Any]) -> float:
    """The size of one prediction, as nested lists, in the unit of `output_limit`; infinite where it
    is not finite.
    """
    return TASKS[card.task].size(row, card.waypoint_times_s)
