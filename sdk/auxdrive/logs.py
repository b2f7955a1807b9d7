"""The library's log. The library logs under the names of its modules and prints nothing; commands
show the log, and worker processes send it to their parent.
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
    """Give what auxdrive's packages log to a handler, within the `with` block.

    Args:
        handler: that gets the records.
        level: the least level that is logged.

    Examples:
        >>> import logging, sys
        >>> from auxdrive.logs import logged_to
        >>> with logged_to(logging.StreamHandler(sys.stdout)):
        ...     logging.getLogger("auxdrive_train").info("epoch 1 of 8")
        epoch 1 of 8
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
    """Change the least level that auxdrive's packages log, until the block of `logged_to` ends."""
    for name in PACKAGES:
        logging.getLogger(name).setLevel(level)


def level_now() -> int:
    """The least level that any of auxdrive's packages logs."""
    return min(logging.getLogger(name).getEffectiveLevel() for name in PACKAGES)


class ToParent(QueueHandler):
    """A log handler of a worker process: sends the records to the parent process. Several threads
    may log.

    Args:
        connection: to the parent.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(SimpleQueue())
        self._connection = connection

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(ConnectionError):  # the parent has closed it, or is gone
            self._connection.send(record)

    def send(self, value: Any) -> None:
        """Send another object over the same connection, between two records."""
        assert self.lock is not None
        with self.lock:
            self._connection.send(value)
