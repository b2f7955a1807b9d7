"""The ego inputs of a model side by side in a row: only `EgoLayout` knows where each stands there,
and how rows are made and taken apart.

Legend: N frames or samples, E numbers of a row. Ego frame (ISO 8855): x forward, y left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from auxdrive.ego import EGO_INPUTS, Bounds
from auxdrive.errors import UsageError, unknown_name

if TYPE_CHECKING:  # commands make options from the table, so importing it must be cheap
    from auxdrive.cards import InputRange, TensorSpec
    from auxdrive.types import AnyArray, Float32, Observation


class EgoLayout:
    """The ego inputs of a model in their order, and where their numbers stand in a row.

    Attributes:
        names: of the inputs, in the model's order.
        inputs: their entries in `EGO_INPUTS`.
        columns: where each input's numbers stand in a row, by its name.
        width: E, how many numbers a row has.

    Args:
        names: of the inputs, in the model's order.

    Raises:
        UsageError: there is no such input; the message names the nearest.

    Examples:
        >>> from auxdrive.ego_layout import EgoLayout
        >>> layout = EgoLayout(("speed_mps", "target_ego_m"))
        >>> layout.width, layout.columns["target_ego_m"]
        (3, slice(1, 3, None))
        >>> layout.fields([4.0, 20.0, 1.0])
        {'speed_mps': 4.0, 'target_ego_m': (20.0, 1.0)}
    """

    def __init__(self, names: Iterable[str]) -> None:
        from auxdrive.checks.numbers import numbers  # here, since `read` is called at every frame

        self._numbers = numbers
        self.names = tuple(names)
        for name in self.names:
            if name not in EGO_INPUTS:
                raise UsageError(unknown_name("ego input", name, EGO_INPUTS))
        self.inputs = tuple(EGO_INPUTS[name] for name in self.names)
        self.columns: dict[str, slice] = {}
        self.width = 0
        for each in self.inputs:
            self.columns[each.name] = slice(self.width, self.width + each.size)
            self.width += each.size
        self._asked = tuple(
            (each.name, each.size, f"{each.meaning}, in the Observation: this model needs it")
            for each in self.inputs
        )

    @property
    def specs(self) -> tuple[TensorSpec, ...]:
        """The graph's inputs beside the image."""
        return tuple(each.spec for each in self.inputs)

    def read(self, observation: Observation) -> tuple[tuple[float, ...], ...]:
        """The numbers of each input, as plain finite floats.

        Raises:
            InputError: one is missing, of another type (see `auxdrive.checks.numbers`) or not
                finite.
        """
        numbers = self._numbers
        return tuple(
            numbers(name, getattr(observation, name), size, meaning)
            for name, size, meaning in self._asked
        )

    def from_state(self, state: AnyArray) -> Float32:
        """The rows of recorded frames.

        Args:
            state: records (N,) of `auxdrive.data.state.STATE_DTYPE`.

        Returns:
            (N, E), NaN where the source of the recording did not know a number.
        """
        import numpy as np

        from auxdrive.data.state import UNKNOWN

        rows = np.empty((len(state), self.width), np.float32)
        fields = [field for each in self.inputs for field in each.state]
        for column, field in enumerate(fields):
            rows[:, column] = state[field]
            rows[state[field] == UNKNOWN.get(field, np.nan), column] = np.nan
        return rows

    def fields(self, row: Iterable[float]) -> dict[str, Any]:
        """The fields of an `Observation`, by name, for a row (E,)."""
        values = tuple(row)
        return {each.name: each.value(values[self.columns[each.name]]) for each in self.inputs}

    def mirror(self, rows: Any) -> Any:
        """Turn rows into those of the scenes mirrored left to right, in place.

        Args:
            rows: (N, E), an array of NumPy or a tensor of torch.

        Returns:
            The same array or tensor.
        """
        mirrors = [mirror for each in self.inputs for mirror in each.mirror]
        for column, mirror in enumerate(mirrors):
            rows[:, column] = mirror(rows[:, column])
        return rows

    def bounds(self, ranges: Mapping[str, InputRange] | None) -> dict[str, Bounds]:
        """The bounds of each input (see `EgoInput.bounds`), by its name.

        Args:
            ranges: of the inputs in training, as a card states them; None where they are not known.
        """
        return {
            each.name: each.bounds(None if ranges is None else ranges[each.name])
            for each in self.inputs
        }
