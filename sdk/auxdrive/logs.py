"""Where the library's log goes. The library logs under its modules' names and prints nothing; a
command shows the log, a worker process hands it to its parent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

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


def set_level(level: int) -> None:
    """Log auxdrive's packages from that level on, as long as `logged_to` holds."""
    for name in PACKAGES:
        logging.getLogger(name).setLevel(level)


def level_now() -> int:
    """From which level on auxdrive's packages are logged."""
    return min(logging.getLogger(name).getEffectiveLevel() for name in PACKAGES)


class ToParent(QueueHandler):
    """Sends to the parent process what is logged in this one, maybe by several threads."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(SimpleQueue())
        self._connection = connection

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(ConnectionError):  # the parent is done with us, or gone
            self._connection.send(record)

    def send(self, value: Any) -> None:
        """Send something else between the records."""
        assert self.lock is not None
        with self.lock:
            self._connection.send(value)
