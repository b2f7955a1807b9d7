"""The demo's stages. Each runs one `auxdrive` command in a process of its own, as a user would, and
keeps its JSON output.

A stage that has finished is not run again, so a demo that was stopped continues where it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from auxdrive.data.dataset import Dataset
from auxdrive.errors import DataError
from auxdrive.runs import RunFolder
from auxdrive.storage.claims import FolderKind, changed, claim
from auxdrive.storage.reading import exists
from auxdrive.strict import read_model

from auxdrive_eval.command_process import command
from auxdrive_eval.demo.efforts import efforts
from auxdrive_eval.demo.settings import (
    CAMERA,
    DRIVING,
    FIRST_ROUTE_SEED,
    MODELS,
    DemoSettings,
    Model,
    recipe,
)
from auxdrive_eval.driving.expert_name import EXPERT
from auxdrive_eval.staged import Staged, StagesDone

STATE_NAME = "demo.json"


class _State(StagesDone):
    """What `demo.json` contains: the settings, what else decides the results, and the finished
    stages.
    """

    settings: DemoSettings
    recipe: dict[str, Any]


def _read_state(path: Path) -> _State:
    try:
        return read_model(path, _State)
    except DataError as error:
        raise DataError(
            f"{path} is damaged: {error}. Remove {path.parent} to start anew"
        ) from error


def _differences(before: _State, now: _State) -> list[str]:
    pairs = [
        (before.settings.model_dump(mode="json"), now.settings.model_dump(mode="json")),
        (before.recipe, now.recipe),
    ]
    return [
        changed(name, earlier.get(name), later.get(name))
        for earlier, later in pairs
        for name in dict.fromkeys((*earlier, *later))
        if earlier.get(name) != later.get(name)
    ]


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
        UsageError: the folder holds something else, or a demo with other settings or of another
            version.
        DataError: the demo there is damaged.
    """
    wanted = _State(settings=settings, recipe=recipe(), done={})
    with claim(out, wanted, DEMO) as earlier:
        yield Demo(out, settings, earlier)


class Demo(Staged):
    """A demo in a folder (see `demo_in`): its settings, the output of each finished stage, and the
    wall time of all of them.

    Args:
        out: the demo's folder, which no other process may use.
        settings: how much is recorded, trained and driven.
        earlier: what the folder's `demo.json` holds; None begins a demo.
    """

    def __init__(self, out: Path, settings: DemoSettings, earlier: _State | None = None) -> None:
        self.out = out
        self.settings = settings
        head = {"settings": settings.model_dump(mode="json"), "recipe": recipe()}
        super().__init__(out / STATE_NAME, head, efforts(settings), "demo", earlier)

    def lanes(self, works: Sequence[Callable[[], None]], at_once: int) -> None:
        """Run works of several stages each, some at the same time. After the first failure no
        further works are begun, and those that run are waited for.

        Args:
            works: begun in this order.
            at_once: how many run at the same time, each in a thread of this process.
        """
        with ThreadPoolExecutor(at_once) as pool:
            running = [pool.submit(work) for work in works]
            try:
                for future in as_completed(running):
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def run(self) -> None:
        """Record; then train, export, verify and drive each model. The models run at the same time,
        each on one core, which is faster than one after the other on several cores.
        """
        settings, data = self.settings, self.out / "data"
        self.begin()
        modalities = ",".join(("rgb", *settings.auxiliaries))
        record = [
            "--frames",
            str(settings.frames),
            "--size",
            CAMERA,
            "--modalities",
            modalities,
            "--seed",
            str(settings.seed),
        ]
        record += ["--workers", str(settings.workers)]
        self.stage(
            "collect", lambda: command("collect", "--out", str(data), *record, prefix="collect: ")
        )
        at_once = min(settings.workers, len(MODELS))
        # The longest first, so that the others fit beside it.
        order = sorted(MODELS, key=lambda model: model.method != "samd")
        workers = settings.workers // at_once
        works = [partial(self._make_and_drive, model, workers) for model in order]
        self.lanes([*works, partial(self._drive_expert, workers)], at_once)

    def _make_and_drive(self, model: Model, workers: int) -> None:
        self.stage(f"train {model.method}", lambda: self._train(model))
        if model.bundle is not None:
            self._export_and_verify(model, model.bundle)
        source = [str(self.out / (model.bundle or model.run)), "--role", model.role, *DRIVING]
        self.stage(f"drive {model.name}", lambda: self._drive(model.name, source, workers))

    def _drive_expert(self, workers: int) -> None:
        """Drive the expert. It sees nothing; its film is taken with the camera of the recording."""
        card = Dataset.open(self.out / "data").card
        source = [EXPERT, "--sim-option", f"camera={card.camera.model_dump_json()}"]
        self.stage(f"drive {EXPERT}", lambda: self._drive(EXPERT, source, workers))

    def _train(self, model: Model) -> dict[str, Any]:
        out = self.out / model.run
        taken_up = ["--resume"] if RunFolder(out).is_run else []
        where = ["--data", str(self.out / "data"), "--out", str(out)]
        told = model.training(self.settings)
        return command("train", *where, *told, *taken_up, prefix=f"{model.name}: ")

    def _export_and_verify(self, model: Model, bundle: str) -> None:
        def export() -> dict[str, Any]:
            # A bundle whose stage is not finished comes from an export that was stopped just before
            # the stage was noted.
            shutil.rmtree(self.out / bundle, ignore_errors=True)
            named = ["--name", f"demo-{model.name}"]
            return command(
                "export",
                str(self.out / model.run),
                "--out",
                str(self.out / bundle),
                *named,
                prefix=f"{model.name}: ",
            )

        self.stage(f"export {model.name}", export)
        self.stage(
            f"verify {model.name}",
            lambda: command("verify", str(self.out / bundle), prefix=f"{model.name}: "),
        )

    def _drive(self, name: str, source: Sequence[str], workers: int) -> dict[str, Any]:
        out = self.out / "drives" / name
        taken_up = ["--resume"] if exists(out) else []
        settings = self.settings
        seeds = f"{FIRST_ROUTE_SEED}-{FIRST_ROUTE_SEED + settings.routes - 1}"
        how = [
            "--route-seeds",
            seeds,
            "--workers",
            str(workers),
            "--traffic",
            str(settings.traffic),
        ]
        return command("drive", *source, "--out", str(out), *how, *taken_up, prefix=f"{name}: ")
