"""Numbers from callers: each is turned into a plain Python float, or refused by an `InputError`
that names it.

These count as one number, under every version of NumPy: Python's int and float (not bool), NumPy's
integer and floating scalars (not `np.bool_`), and a NumPy array without axes of such a type. Texts,
None, complex numbers, Decimal, times, lists and arrays with axes, even of one element, do not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from auxdrive.errors import InputError

LARGEST = float(np.finfo(np.float32).max)
"""The largest number. Graphs compute in float32, where larger ones would become infinite; no
quantity of a vehicle comes near.
"""

MAX_TIME_S = 1e10
"""The latest time. Seconds since 1970 reach it in the year 2286, while milliseconds or nanoseconds
since 1970 are far above it already, and nanoseconds since a machine's start are after ten seconds.
So wrong units are noticed.
"""

_REAL = (int, float, np.integer, np.floating)
_NOT_REAL = (bool, np.timedelta64)  # NumPy counts timedelta64 among its integers
_SHOWN = 60


def number(name: str, value: object, meaning: str = "a finite number") -> float:
    """A finite number as a Python float.

    Args:
        name: of the number, for messages.
        value: that the caller gave.
        meaning: what it should be, for messages: "the forward speed in m/s".

    Raises:
        InputError: it is no number, not finite, or beyond `LARGEST`.
    """
    found = value if type(value) is float else _as_float(name, value, meaning)
    if not -LARGEST <= found <= LARGEST:
        raise InputError(f"{name} is {found}, not finite or beyond float32; give {meaning}")
    return found


def reading(name: str, value: object, meaning: str) -> float:
    """A number of a sensor or a clock as a Python float. It need not be finite: the caller must
    decide what to do then.

    Args:
        name: see `number`.
        value: see `number`.
        meaning: see `number`.

    Raises:
        InputError: it is no number.
    """
    return value if type(value) is float else _as_float(name, value, meaning)


def seconds(
    name: str, value: object, meaning: str = "a time in seconds on a monotonic clock"
) -> float:
    """A time in seconds as a Python float.

    Args:
        name: see `number`.
        value: see `number`.
        meaning: see `number`.

    Raises:
        InputError: it is no finite number, or beyond `MAX_TIME_S`.
    """
    found = number(name, value, meaning)
    if not -MAX_TIME_S <= found <= MAX_TIME_S:
        raise InputError(
            f"{name} is {found:g}, which are no seconds: milliseconds or nanoseconds, perhaps? "
            f"Give {meaning}"
        )
    return found


def numbers(
    name: str, value: object, count: int, meaning: str = "finite numbers"
) -> tuple[float, ...]:
    """Several finite numbers as Python floats.

    Args:
        name: see `number`.
        value: for a count of 1 the number itself, else a tuple, a list or an array of the shape
            (count,).
        count: how many there must be.
        meaning: see `number`.

    Raises:
        InputError: it is none of these, or one of its values is no finite number.
    """
    if count == 1:
        return (number(name, value, meaning),)
    if type(value) is tuple or type(value) is list:
        items: Any = value
    elif type(value) is np.ndarray and value.ndim == 1:
        items = value
    # of subclasses, such as named tuples, no method of their own is called
    elif isinstance(value, tuple | list):
        items = (
            tuple.__getitem__(value, slice(None)) if isinstance(value, tuple) else list.copy(value)
        )
    else:
        raise InputError(
            f"{name} is {shown(value)}; give {meaning}, as a tuple, a list or an array of shape "
            f"({count},)"
        )
    if len(items) != count:
        raise InputError(f"{name} has {len(items)} values; give {meaning}")
    return tuple(number(f"{name}[{k}]", items[k], meaning) for k in range(count))


def _as_float(name: str, value: object, meaning: str) -> float:
    if type(value) is np.ndarray and value.ndim == 0:
        value = value[()]
    if isinstance(value, _REAL) and not isinstance(value, _NOT_REAL):
        try:
            return float(value)
        except OverflowError:
            raise InputError(
                f"{name} is an integer too large for a float; give {meaning}"
            ) from None
        except Exception as error:  # a subclass with a __float__ of its own may raise anything
            raise InputError(
                f"{name} is {shown(value)}, which cannot be converted: {type(error).__name__}; "
                f"give {meaning}"
            ) from error
    raise InputError(f"{name} is {shown(value)}; give {meaning}")


def shown(value: object) -> str:
    """A value as error messages show it: texts and single numbers themselves, cut where they are
    long, and of anything else the type.
    """
    if value is None:
        return "None"
    if type(value) in (str, bool, complex, float):
        text = repr(value[:_SHOWN]) if isinstance(value, str) else repr(value)
        return text if len(text) <= _SHOWN + 2 else text[:_SHOWN] + "...'"
    if type(value) is np.ndarray:
        return f"an array {value.dtype} {value.shape}"
    kind = type(value).__name__
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"
