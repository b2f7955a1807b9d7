"""The demo's stages. Each runs one `auxdrive` command in a process of its own, as a user would, and keeps its JSON answer.

A stage that has finished is not run again, so a demo that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxdrive import __version__, console
from auxdrive.errors import AuxdriveError, CheckFailed, DataError, UsageError
from auxdrive.storage import refuse_occupied, write_atomic
from pydantic import BaseModel, ConfigDict, Field

STATE_NAME = "demo.json"
# The settings below were chosen while looking at routes 1000 to 1005; the demo is driven on others.
FIRST_ROUTE_SEED = 2000
# The same for both students. Right-hand traffic is not mirrored: the mirror image of a town drives on the left.
TRAINING = (
    "evaluate=[test]", "preprocessing.crop_top=0.25", "preprocessing.size=[64,128]", "backbone=pilotnet_bn", "batch_size=32", "lr=0.002",
    "dropout=0.3", "weight_decay=0.01", "balance.rest_every=4", "balance.turn_repeat=3", "augment.mirror=0", "augment.speed_noise=0.3",
    "augment.brightness=0.4", "augment.contrast=0.4", "augment.saturation=0.5",
)  # fmt: skip
DRIVING = ("--controller", "pure_pursuit", "--creep-after-s", "20")
COMMAND = (sys.executable, "-c", "from auxdrive.cli import main; main()")


class DemoSettings(BaseModel):
    """How much is recorded, trained and driven. The defaults fit 15 minutes on two cores.

    Attributes:
        frames: recorded, over all splits. epochs: of each student. epochs_per_round: SAMD's k.
        routes: unseen routes that each model drives. seed: of everything. workers: processes that record and drive.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    frames: int = Field(default=6000, ge=250)  # three episodes of at most 120 frames: to train, validate and test on
    epochs: int = Field(default=6, ge=1)
    epochs_per_round: int = Field(default=2, ge=1)
    routes: int = Field(default=10, ge=1, le=1000)
    auxiliaries: tuple[str, ...] = ("lidar", "depth", "segmentation")
    seed: int = Field(default=0, ge=0)
    workers: int = Field(default=2, ge=1)
    traffic: int = Field(default=20, ge=0)


class _Stage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seconds: float
    answer: dict[str, Any]


class _State(BaseModel):
    """What `demo.json` holds: settings, what else decides the results, and each finished stage's wall time and answer."""

    model_config = ConfigDict(extra="forbid")

    settings: DemoSettings
    recipe: dict[str, Any]
    done: dict[str, _Stage]


def _recipe() -> dict[str, Any]:
    """What decides the results beside the settings; a demo that another version began is not gone on with."""
    return {"version": __version__, "training": list(TRAINING), "driving": list(DRIVING), "first_route_seed": FIRST_ROUTE_SEED}


@dataclass(frozen=True)
class Model:
    """One of the three that are compared: its name, its run, the network in it, and its bundle where it can have one."""

    name: str
    run: str
    role: str
    view: str
    bundle: str | None


MODELS = (
    Model("baseline", "runs/baseline", "student", "student", "bundles/baseline"),
    Model("student", "runs/samd", "student", "student", "bundles/samd"),
    Model("teacher", "runs/samd", "teacher", "teacher", None),
)


class Demo:
    """A demo in a folder: settings, and what each finished stage answered."""

    def __init__(self, out: Path, settings: DemoSettings) -> None:
        self.out = out
        self.settings = settings
        self.done: dict[str, dict[str, Any]] = {}
        self._claim()

    def _claim(self) -> None:
        path = self.out / STATE_NAME
        if path.exists():
            try:
                state = _State.model_validate_json(path.read_bytes())
            except (OSError, ValueError) as error:
                raise DataError(f"{path} is damaged: {error}. Remove {self.out} to start anew") from error
            if state.settings != self.settings:
                raise UsageError(f"{self.out} holds a demo with other settings ({state.settings}); choose another --out, or remove it")
            if state.recipe != _recipe():
                raise UsageError(f"{self.out} holds a demo that another version of auxdrive began; choose another --out, or remove it")
            self.done = {name: stage.model_dump() for name, stage in state.done.items()}
        else:
            refuse_occupied(self.out, "no demo")
        self.out.mkdir(parents=True, exist_ok=True)
        self._save()

    def _save(self) -> None:
        document = {"settings": self.settings.model_dump(mode="json"), "recipe": _recipe(), "done": self.done}
        write_atomic(self.out / STATE_NAME, json.dumps(document, indent=2).encode())

    def stage(self, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do a stage unless it has been done; returns its answer. Its wall time is kept beside it."""
        if name not in self.done:
            console.note(f"── {name}")
            start_s = time.perf_counter()
            answer = work()
            self.done[name] = {"seconds": time.perf_counter() - start_s, "answer": answer}
            self._save()
        answer = self.done[name]["answer"]
        assert isinstance(answer, dict)
        return answer

    def run(self) -> None:
        """Every stage in turn."""
        settings, data = self.settings, self.out / "data"
        record = [
            "--frames",
            str(settings.frames),
            "--max-episode-s",
            "30",
            "--seed",
            str(settings.seed),
            "--workers",
            str(settings.workers),
        ]
        self.stage("collect", lambda: command("collect", "--out", str(data), *record))
        samd = ["--aux", ",".join(settings.auxiliaries), "--set", f"options.epochs_per_round={settings.epochs_per_round}"]
        for method, more in (("baseline", []), ("samd", samd)):
            self.stage(f"train {method}", lambda method=method, more=more: self._train(method, more))  # type: ignore[misc]
        for model in MODELS:
            if model.bundle is not None:
                self._export_and_verify(model, model.bundle)
        for model in MODELS:
            self.stage(f"drive {model.name}", lambda model=model: self._drive(model))  # type: ignore[misc]

    def _train(self, method: str, more: Sequence[str]) -> dict[str, Any]:
        out = self.out / "runs" / method
        taken_up = ["--resume"] if (out / "config.yaml").exists() else []
        fixed = ["--task", "waypoints", "--epochs", str(self.settings.epochs), "--seed", str(self.settings.seed)]
        fixed += [part for setting in TRAINING for part in ("--set", setting)]
        return command("train", "--data", str(self.out / "data"), "--method", method, "--out", str(out), *fixed, *more, *taken_up)

    def _export_and_verify(self, model: Model, bundle: str) -> None:
        def export() -> dict[str, Any]:
            # A bundle without a finished stage is from an export that was stopped just before this was noted.
            shutil.rmtree(self.out / bundle, ignore_errors=True)
            return command("export", str(self.out / model.run), "--out", str(self.out / bundle), "--name", f"demo-{model.name}")

        self.stage(f"export {model.name}", export)
        self.stage(f"verify {model.name}", lambda: command("verify", str(self.out / bundle)))

    def _drive(self, model: Model) -> dict[str, Any]:
        out = self.out / "drives" / model.name
        taken_up = ["--resume"] if out.exists() else []
        settings = self.settings
        seeds = f"{FIRST_ROUTE_SEED}-{FIRST_ROUTE_SEED + settings.routes - 1}"
        how = ["--route-seeds", seeds, "--workers", str(settings.workers), "--traffic", str(settings.traffic)]
        source = [str(self.out / (model.bundle or model.run)), "--role", model.role]
        return command("drive", *source, "--out", str(out), *how, *DRIVING, *taken_up)


def command(name: str, *arguments: str) -> dict[str, Any]:
    """Run one `auxdrive` command with `--json`; what it says on standard error is passed on.

    Raises:
        CheckFailed: its exit code was 1. AuxdriveError: it failed otherwise.
    """
    finished = subprocess.run([*COMMAND, name, *arguments, "--json"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
    if finished.returncode:
        kind = CheckFailed if finished.returncode == 1 else AuxdriveError
        raise kind(f"`auxdrive {name} {' '.join(arguments)}` ended with exit code {finished.returncode}; its message stands above")
    answer = json.loads(finished.stdout)
    assert isinstance(answer, dict)
    return answer
