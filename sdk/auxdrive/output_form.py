"""What of a task's output differs from model to model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutputForm:
    """What a card says of its task's output: how many points or classes there are, and which.

    Attributes:
        times_s: seconds after the image for each waypoint (`waypoint_times_s` of the card); empty
            where the task has none.
        class_names: of the classes that are told apart (`class_names` of the card); likewise.

    Examples:
        >>> from auxdrive.output_form import OutputForm
        >>> from auxdrive.tasks import TASKS
        >>> TASKS["waypoints"].shape(OutputForm(times_s=(0.5, 1.0)))
        (2, 2)
    """

    times_s: tuple[float, ...] = ()
    class_names: tuple[str, ...] = ()
