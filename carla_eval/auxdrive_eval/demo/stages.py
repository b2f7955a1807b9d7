"""The demo's stages: those of the rounds of DAgger, and `auxdrive` commands in processes of their
own, as a user would run them, whose JSON output is kept.

A stage that has finished is not run again, so a demo that was stopped continues where it was.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from auxdrive.command_process import command
from auxdrive.errors import DataError
from auxdrive.runs import Chosen
from auxdrive.storage.claims import FolderKind, changed, claim
from auxdrive.storage.reading import exists
from auxdrive.strict import read_model
from auxdrive.work import Unseen

from auxdrive_eval.dagger.choosing import chosen_of, table_of
from auxdrive_eval.dagger.efforts import efforts as efforts_of_rounds
from auxdrive_eval.dagger.folder import DaggerFolder, Round, read_state
from auxdrive_eval.dagger.rounds import dagger_in
from auxdrive_eval.demo.efforts import efforts
from auxdrive_eval.demo.settings import (
    DRIVERS,
    FIRST,
    MODELS,
    STUDENT,
    DemoSettings,
    recipe,
    unseen_routes,
)
from auxdrive_eval.driving.expert_name import EXPERT
from auxdrive_eval.simulators.settings import SimulatorSettings
from auxdrive_eval.staged import Staged, StagesDone

STATE_NAME = "demo.json"


class _State(StagesDone):
    """What `demo.json` contains: what decides the results, and the finished stages."""

    recipe: dict[str, Any]


def _read_state(path: Path) -> _State:
    try:
        return read_model(path, _State)
    except DataError as error:
        raise DataError(
            f"{path} is damaged: {error}. Remove {path.parent} to start anew"
        ) from error


def _differences(before: _State, now: _State) -> list[str]:
    earlier, later = before.recipe, now.recipe
    return [
        sentence
        for name in dict.fromkeys((*earlier, *later))
        for sentence in _differences_of(name, earlier.get(name), later.get(name))
    ]


def _differences_of(name: str, before: Any, now: Any) -> Iterator[str]:
    """A sentence for each value that differs, with the keys that lead to it."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*before, *now)):
            yield from _differences_of(f"{name}.{key}", before.get(key), now.get(key))
    elif before != now:
        yield changed(name, before, now)


DEMO: FolderKind[_State] = FolderKind("a demo", STATE_NAME, _read_state, _differences)


@contextmanager
def demo_in(out: Path, settings: DemoSettings) -> Iterator[Demo]:
    """A demo in a folder, new or continued. No other process can use the folder meanwhile.

    Args:
        out: the demo's folder; it need not exist.
        settings: how much is recorded, trained and driven. A demo is continued only with equal
            ones.

    Yields:
        The demo, with the stages that have finished already.

    Raises:
        UsageError: the folder holds something else, or a demo with other settings, of another
            budget or of another version.
        DataError: the demo there is damaged.
    """
    wanted = _State(recipe=recipe(settings), done={})
    with claim(out, wanted, DEMO) as earlier:
        yield Demo(out, settings, earlier)


class _WithinAStage(Unseen):
    """Shows how far a stage of the rounds is, which is one of the demo's too."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    def within(self, share: float, effort: float | None = None) -> None:
        del effort  # the demo knows it
        self._demo.within(share)


class Demo(Staged):
    """A demo in a folder (see `demo_in`): its settings, the output of each finished stage, and the
    wall time of all of them.

    Args:
        out: the demo's folder, which no other process may use.
        settings: how much is recorded, trained and driven.
        earlier: what the folder's `demo.json` holds; None begins a demo.
    """

    def __init__(self, out: Path, settings: DemoSettings, earlier: _State | None = None) -> None:
        self.out, self.settings, self.config = out, settings, settings.config()
        self.folder = DaggerFolder(out / "rounds")
        head = {"recipe": recipe(settings)}
        super().__init__(out / STATE_NAME, head, efforts(settings), "demo", earlier)

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The table of rounds as it is now."""
        return table_of(read_state(self.folder.state_path))

    @property
    def chosen(self) -> Chosen:
        """The round whose student is the result."""
        return chosen_of(self.rounds, self.config)

    def bundle_of(self, name: str) -> Path:
        """Where a model is exported."""
        return self.out / "bundles" / name

    def run(self) -> None:
        """Record, train and go on in rounds; export and verify the first student and the chosen
        one; and let them and the expert drive.
        """
        self.begin()
        with dagger_in(self.folder.path, self.config, self.settings.workers) as rounds:
            rounds.show(_WithinAStage(self), aloud=False)
            for name in rounds.names():
                self.stage(name, partial(rounds.do, name))
        self.leave_out(name for name in efforts_of_rounds(self.config) if name not in self.done)
        runs = {FIRST: self.folder.run_of(0), STUDENT: self.folder.path}
        for name in MODELS:
            self.stage(f"export {name}", partial(self._export, name, runs[name]))
            self.stage(f"verify {name}", partial(self._verify, name))
        for name in DRIVERS:
            self.stage(f"drive {name}", partial(self._drive, name))

    def _export(self, name: str, run: Path) -> dict[str, Any]:
        # A bundle whose stage is not finished comes from an export that was stopped just before
        # the stage was noted.
        bundle = self.bundle_of(name)
        shutil.rmtree(bundle, ignore_errors=True)
        words = [str(run), "--out", str(bundle), "--name", f"demo-{name}"]
        return command("export", *words, prefix=f"{name}: ")

    def _verify(self, name: str) -> dict[str, Any]:
        return command("verify", str(self.bundle_of(name)), prefix=f"{name}: ")

    def _drive(self, name: str) -> dict[str, Any]:
        """Drive the routes in the world of the recording. The expert sees nothing; its film is
        taken with the camera of the recording.
        """
        out = self.out / "drives" / name
        words = [EXPERT if name == EXPERT else str(self.bundle_of(name)), "--out", str(out)]
        words += [*drive_words(self.settings), *["--resume"] * exists(out)]
        return command("drive", *words, prefix=f"{name}: ")


def drive_words(settings: DemoSettings) -> list[str]:
    """The options of `auxdrive drive` with which the demo drives: its unseen routes, in the world
    of its recording.

    Args:
        settings: of the demo.
    """
    collect = settings.config().collect
    assert collect is not None
    routes = ["--route-seeds", unseen_routes(settings), "--workers", str(settings.workers)]
    return [*routes, *_as_typed(collect.settings().simulator)]


def _as_typed(simulator: SimulatorSettings) -> Sequence[str]:
    """The options of a command that make this simulator."""
    options = simulator.options.model_dump(mode="json")
    usual = simulator.spec.options_type().model_dump(mode="json")
    words = ["--sim", simulator.kind]
    for name, value in options.items():
        if value != usual.get(name):
            words += ["--sim-option", f"{name}={json.dumps(value)}"]
    return words
