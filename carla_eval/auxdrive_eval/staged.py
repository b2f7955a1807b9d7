"""Works of several stages, each of which may take long. The output of every finished stage is kept
in a file, so that a work that was stopped continues where it was.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from auxdrive.storage.publish import write_atomic
from auxdrive.strict import Strict
from auxdrive.work import Shown, Unseen, Work, duration
from pydantic import Field

_LOG = logging.getLogger(__name__)


class StageDone(Strict):
    """A finished stage.

    Attributes:
        seconds: the wall time that it took.
        output: what it gave, as JSON.
    """

    seconds: float
    output: dict[str, Any]


class StagesDone(Strict):
    """What the file holds beside the settings of the work.

    Attributes:
        done: the finished stages by their names.
        wall_s: wall time of the whole, with what lies between the stages.
    """

    done: dict[str, StageDone]
    wall_s: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class Staged:
    """A work of several stages, and the output of each finished one.

    Args:
        path: the file that keeps them.
        head: what the file holds besides, by key: the settings of the work.
        efforts: how long each stage takes compared with the others, by its name. It decides only
            the estimate of the remaining time. Other stages may be run, and are not counted.
        what: the work, in a word, for its progress.
        earlier: what the file held; None where the work is begun now.

    Attributes:
        done: the finished stages, each with its `seconds` and its `output`.
        wall_s: wall time of all of them.
    """

    def __init__(
        self,
        path: Path,
        head: Mapping[str, Any],
        efforts: Mapping[str, float],
        what: str,
        earlier: StagesDone | None = None,
    ) -> None:
        self._path, self._head, self._efforts, self._what = path, dict(head), dict(efforts), what
        self.done: dict[str, dict[str, Any]] = {}
        self.wall_s = 0.0
        if earlier is not None:
            self.done = {name: stage.model_dump() for name, stage in earlier.done.items()}
            self.wall_s = earlier.wall_s
        self._running = ""
        self._mark_s = time.perf_counter()
        self._shown: Shown = Unseen()
        self._aloud = True
        self._save()

    @property
    def work(self) -> Work:
        """The work whose progress is shown."""
        effort = sum(self._efforts.values())
        return Work(self._what, "stage", len(self._efforts), effort=effort)

    def show(self, shown: Shown, aloud: bool = True) -> None:
        """Report progress, beginning with what has been done already.

        Args:
            shown: to whom.
            aloud: whether to log which stage begins.
        """
        self._shown, self._aloud = shown, aloud
        there = [name for name in self.done if name in self._efforts]
        shown.found(len(there), effort=sum(self._efforts[name] for name in there))

    def begin(self) -> None:
        """From now on wall time counts."""
        self._mark_s = time.perf_counter()

    def within(self, share: float) -> None:
        """Show how far the stage is that runs.

        Args:
            share: of it that is done; more than 1 counts as 1.
        """
        self._shown.within(min(share, 1.0), self._efforts.get(self._running))

    def leave_out(self, names: Iterable[str]) -> None:
        """Say that stages will not be run.

        Args:
            names: of them.
        """
        for name in names:
            self._efforts.pop(name, None)
        self._shown.expect(len(self._efforts))

    def stage(self, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Run a stage unless it has been run, and store its output and its wall time.

        Args:
            name: of the stage, such as "train samd"; its result is stored under it.
            work: does what the stage consists of. Its output is stored as JSON.

        Returns:
            The output of `work`, of this call or of an earlier one.
        """
        if name not in self.done:
            if self._aloud:
                _LOG.info(f"begin: {name}")
            self._running = name
            start_s = time.perf_counter()
            output = work()
            now_s = time.perf_counter()
            self.done[name] = {"seconds": now_s - start_s, "output": output}
            self.wall_s, self._mark_s = self.wall_s + now_s - self._mark_s, now_s
            self._save()
            if name in self._efforts:
                took = f"{name} took {duration(now_s - start_s)}"
                self._shown.done(1, took, effort=self._efforts[name])
        output = self.done[name]["output"]
        assert isinstance(output, dict)
        return output

    def _save(self) -> None:
        document = {**self._head, "done": self.done, "wall_s": self.wall_s}
        write_atomic(self._path, json.dumps(document, indent=2).encode())
