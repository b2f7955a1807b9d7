"""The program of the agent's own process: `python -c "from auxdrive_eval.driving.agents.host import
main; main()"`, which `AgentProcess` starts.

Commands arrive on standard input, and replies leave on standard output (see `wire`). What the agent
itself prints goes to standard error, whose end is kept. Whatever the agent raises,
KeyboardInterrupt and SystemExit included, becomes a reply: {"failed": ...}.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from auxdrive.agent import Agent
from auxdrive.errors import AuxdriveError
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray, Observation

from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.messages import IMAGE, OBSERVED, describe, message_of
from auxdrive_eval.driving.agents.wire import read_message, write_message

_MOST_TEXT = 20_000
_LONGEST_LINE = 1000


def main() -> None:
    """Answer commands until there are no more, or until the agent was closed."""
    commands, replies = private_pipes()
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1)  # prints where an agent hangs
    die_with_parent()
    home = os.getpid()
    host = _Host(lambda loader: write_message(replies, {"asking": loader}))
    while (message := read_message(commands)) is not None:
        body, arrays = message
        try:
            reply = {"done": host.reply(body, arrays)}
        except BaseException as error:  # noqa: BLE001 - an agent that raises SystemExit or KeyboardInterrupt has failed like any other
            reply = {"failed": _text_of(error)}
        # A child that the agent has forked and that returned to here must not reply; its parent
        # does.
        if os.getpid() != home:
            os._exit(0)
        write_message(replies, reply)
        if body["op"] == "close":
            break


class _Host:
    """Keeps the agent between two commands."""

    def __init__(self, asking: Callable[[str], None]) -> None:
        self._asking = asking
        self._agent: Agent | None = None

    def reply(self, body: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> dict[str, Any]:
        if body["op"] == "load":
            sys.path[:] = body["sys_path"]
            key = body["require_signature"]
            source = AgentSource(
                Path(body["path"]),
                body["role"],
                frozenset(body["without"]),
                body["runtime_options"],
                body["precision"],
                None if key is None else Path(key),
            )
            self._agent = source.load(self._asking)
            return describe(self._agent).model_dump(mode="json")
        agent = self._agent
        assert agent is not None
        if body["op"] == "begin":
            _seed(body["seed"])
            if callable(getattr(agent, "reset", None)):
                agent.reset()
            return {}
        if body["op"] == "close":
            agent.close()
            return {}
        numbers: dict[str, Any] = {
            name: tuple(given) if isinstance(given := body[name], list) else given
            for name in OBSERVED
        }
        observation = Observation(arrays[IMAGE], **numbers)
        auxiliaries = {Modality(name): array for name, array in arrays.items() if name != IMAGE}
        return message_of(agent.act(observation, auxiliaries)).model_dump(mode="json")


def _seed(seed: int) -> None:
    """Seed the random generators that agents commonly use, so that a route always gets the same
    numbers, whatever was driven before.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the global generator is the one that an agent may use
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)


def _text_of(error: BaseException) -> dict[str, str]:
    """The error in one line, its traceback, and its class if it is one of auxdrive's errors."""
    return {
        "summary": _cut(
            "".join(traceback.format_exception_only(error)).strip(), _LONGEST_LINE, " ... "
        ),
        "detail": _cut("".join(traceback.format_exception(error)), _MOST_TEXT, "\n...\n"),
        "error": type(error).__name__ if isinstance(error, AuxdriveError) else "",
        "message": str(error) if isinstance(error, AuxdriveError) else "",
    }


def _cut(text: str, longest: int, between: str) -> str:
    """The text; if it is too long, its beginning and its end."""
    return (
        text if len(text) <= longest else f"{text[: longest // 2]}{between}{text[-longest // 2 :]}"
    )


def private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Copies of the two pipes for messages. From now on, standard input is empty and standard
    output goes to standard error, so that the agent cannot disturb the messages.
    """
    commands, replies = os.dup(0), os.dup(1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(commands, os.O_BINARY)
        msvcrt.setmode(replies, os.O_BINARY)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    os.dup2(2, 1)
    return os.fdopen(commands, "rb"), os.fdopen(replies, "wb")


def die_with_parent() -> None:
    """End this process when its parent is killed, even if the agent hangs. Only Linux can do this;
    elsewhere it ends at the next command.
    """
    if sys.platform == "linux":
        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL, 0, 0, 0)
