"""What goes wrong with an agent in its process, as the process that drives it is told."""

from __future__ import annotations

import auxdrive.errors
from auxdrive.errors import AuxdriveError


class AgentFault(Exception):
    """What went wrong with an agent.

    Attributes:
        summary: one line.
        detail: its traceback, or the end of what it printed.
        own: the error itself, if it is one of auxdrive's.
        replied: whether its process reported the failure and still runs.
    """

    def __init__(
        self,
        summary: str,
        detail: str = "",
        own: AuxdriveError | None = None,
        replied: bool = False,
    ) -> None:
        super().__init__(summary)
        self.summary = _utf8(" ".join(summary.split()))
        self.detail = _utf8(detail)
        self.own = own
        self.replied = replied


def own_error(name: str, message: str) -> AuxdriveError | None:
    """An auxdrive error from its class name and message, if its class can be made from a message
    alone.

    Args:
        name: name of its class; empty if the agent raised something that is none of auxdrive's.
        message: its text.

    Returns:
        None if `name` is empty. A plain `AuxdriveError` if there is no such class here, and the
        nearest base class if its class needs more than a message.
    """
    kind = getattr(auxdrive.errors, name, None)
    if not name or not (isinstance(kind, type) and issubclass(kind, AuxdriveError)):
        return AuxdriveError(message) if name else None
    while "__init__" in vars(kind):
        kind = next(base for base in kind.__bases__ if issubclass(base, AuxdriveError))
    return kind(message)


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
