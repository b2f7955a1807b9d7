"""The check of a prediction that a controller or the safety envelope is given: by a predictor, or
made by whoever drives.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from auxdrive.checks.numbers import shown
from auxdrive.errors import InputError
from auxdrive.types import Prediction


def check_fields(prediction: Prediction) -> None:
    """Check the fields that are neither numbers nor arrays; those are read where they are used.

    Raises:
        InputError: flags, values or reason are of another type.
    """
    flags, values, reason = prediction.flags, prediction.values, prediction.reason
    if type(flags) is not frozenset and not isinstance(flags, Set):
        raise InputError(f"the prediction's flags are {shown(flags)}; give a set of auxdrive.Flag")
    if type(values) is not dict and not isinstance(values, Mapping):
        raise InputError(f"the prediction's values are {shown(values)}; give arrays by name")
    if not isinstance(reason, str):
        raise InputError(f'the prediction\'s reason is {shown(reason)}; give a sentence, or ""')
