"""The front of a package: the names that it offers directly, as in `from auxdrive_train import
train`. A name is imported only when it is asked for, so that the package is cheap to import and
brings no torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def front(
    package: str, names_of: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the `__getattr__` and `__dir__` of a package with a front.

    Args:
        package: its name.
        names_of: for each module within the package, the names that it gives to the front,
            separated by spaces.

    Returns:
        The two functions.

    Examples:
        >>> from auxdrive.fronts import front
        >>> get, _ = front("auxdrive", {"types": "Control Flag"})
        >>> get("Flag")
        <enum 'Flag'>
    """
    module_of = {name: module for module, names in names_of.items() for name in names.split()}

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        value = getattr(import_module(f"{package}.{module_of[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of})

    return get, names
