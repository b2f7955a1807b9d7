"""Where the library's log goes. The library logs under its modules' names and prints nothing; a
command shows the log, a worker process hands it to its parent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

PACKAGES = ("auxdrive", "auxdrive_train", "auxdrive_deploy", "auxdrive_eval")


@contextmanager
def logged_to(handler: logging.Handler, level: int = logging.INFO) -> Iterator[None]:
    """Hand what auxdrive's packages log, from `level` on, to a handler for a while.

    Example:
        >>> import logging
        >>> from auxdrive.logs import logged_to
        >>> with logged_to(logging.StreamHandler()):
        ...     ...
    """
    loggers = [logging.getLogger(name) for name in PACKAGES]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, earlier in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(earlier)


def level_now() -> int:
    """From which level on auxdrive's packages are logged."""
    return min(logging.getLogger(name).getEffectiveLevel() for name in PACKAGES)
