"""Trackers: what they are told is what the run's log holds, also where the run is resumed; one that
fails or lacks its package harms nothing.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from auxdrive.cli import run
from auxdrive.errors import ConfigError, MissingExtra
from auxdrive.runs import RunFolder
from auxdrive_train.engine.log import curves
from auxdrive_train.engine.loop import Trainer
from auxdrive_train.engine.train import train
from auxdrive_train.trackers import TRACKERS
from foreign_packages import install_package
from small_runs import settings_for, weights
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Points = dict[str, list[tuple[int, float]]]


def logged(out: Path) -> Points:
    """Curve -> (step, value), by the run's own log."""
    found: Points = defaultdict(list)
    for record in RunFolder(out).epochs():
        for name, value in curves(record).items():
            found[name].append((record["step"], pytest.approx(value, rel=1e-6)))
    return dict(found)


def events(out: Path) -> Points:
    """The same as TensorBoard reads it."""
    read = EventAccumulator(str(out / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    return {
        tag: [(event.step, event.value) for event in read.Scalars(tag)]
        for tag in read.Tags()["scalars"]
    }


def test_tensorboard_has_every_curve_of_the_log(stripe_data: Path, tmp_path: Path) -> None:
    train(settings_for("samd", stripe_data, track=["tensorboard"]), tmp_path)
    found = events(tmp_path)
    assert found == logged(tmp_path)
    for name in ("student/loss/distil", "student/gradient_of/distil", "teacher/gradient/median"):
        assert len(found[name]) == 2
    assert found["student/val/rmse_road_wheel_deg"] != found["teacher/val/rmse_road_wheel_deg"]
    assert len(found["student/lr"]) == 2


class Killed(Exception):
    pass


@pytest.mark.parametrize("finished", [0, 1])
def test_a_resumed_run_goes_on_in_its_record(
    finished: int, stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after an epoch was told and before its checkpoint was there: it stands there once."""
    save = Trainer._save

    def killed(self: Trainer) -> None:
        if self.progress.epoch > finished:
            raise Killed
        save(self)

    config = settings_for("baseline", stripe_data, epochs=3, track=["tensorboard"])
    monkeypatch.setattr(Trainer, "_save", killed)
    with pytest.raises(Killed):
        train(config, tmp_path)
    assert len(events(tmp_path)["student/loss/total"]) == finished + 1
    monkeypatch.undo()
    train(config, tmp_path, resume=True)
    assert events(tmp_path) == logged(tmp_path)
    assert len(events(tmp_path)["student/loss/total"]) == 3


TELLTALE = """
import json
class Telltale:
    def on_start(self, run):
        self.path = run.folder / "told.jsonl"
        self.tell("start", run.name, run.step, run.config["method"])
    def on_metrics(self, step, metrics):
        self.tell("metrics", step, metrics)
    def on_end(self):
        self.tell("end")
    def tell(self, *what):
        with self.path.open("a") as file:
            file.write(json.dumps(what) + "\\n")
class Failing(Telltale):
    def on_metrics(self, step, metrics):
        super().on_metrics(step, metrics)
        raise RuntimeError("the server is gone")
class Dead:
    def __init__(self):
        raise OSError("no server at all")
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with trackers, installed."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    points = {name.lower(): f"telltale_module:{name}" for name in ("Telltale", "Failing", "Dead")}
    install_package(tmp_path / "site", "telltale", "auxdrive.trackers", points, TELLTALE)


def told(out: Path) -> list[Any]:
    return [json.loads(line) for line in (out / "told.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("foreign")
def test_a_tracker_of_another_package_is_told_of_a_run(
    stripe_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    small = ("preprocessing.size=[64,80]", "batch_size=16", "threads=1", "epochs=2")
    sets = [part for setting in small for part in ("--set", setting)]
    how = ["train", "--data", str(stripe_data), "--out", str(out), *sets, "--json"]
    assert run([*how, "--track", "telltale, tensorboard"]) == 0, capsys.readouterr().err
    start, *epochs, end = told(out)
    assert start == ["start", "run", 0, "baseline"]
    assert end == ["end"]
    records = RunFolder(out).epochs()
    assert [(step, metrics) for _, step, metrics in epochs] == [
        (record["step"], curves(record)) for record in records
    ]
    assert events(out) == logged(out)
    # Who is told is no part of the run: it may be another in its resume.
    assert run([*how, "--resume", "--track", "tensorboard"]) == 0, capsys.readouterr().err
    assert len(told(out)) == 4


@pytest.mark.usefixtures("foreign")
def test_a_tracker_that_fails_is_said_once_and_ends_no_training(
    stripe_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(settings_for("baseline", stripe_data, epochs=3), tmp_path / "alone")
    trackers = ["dead", "failing", "tensorboard"]
    train(settings_for("baseline", stripe_data, epochs=3, track=trackers), tmp_path / "run")
    said = [record.getMessage() for record in caplog.records if "tracker" in record.getMessage()]
    assert len(said) == 2
    assert "'dead' failed (OSError: no server at all)" in said[0]
    assert "'failing' failed (RuntimeError: the server is gone)" in said[1]
    assert "training goes on" in said[1]
    assert [what for what, *_ in told(tmp_path / "run")] == ["start", "metrics"]
    assert events(tmp_path / "run") == logged(tmp_path / "run")
    alone, tracked = (weights(tmp_path / name, "last.safetensors") for name in ("alone", "run"))
    assert all(alone[name].equal(tracked[name]) for name in alone)


@pytest.mark.parametrize(
    ("name", "package"), [("wandb", "wandb"), ("tensorboard", "torch.utils.tensorboard")]
)
def test_a_package_that_is_absent_is_named_before_anything_is_made(
    name: str, package: str, stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for module in ("tensorboard_events", "weights_and_biases"):
        monkeypatch.delitem(sys.modules, f"auxdrive_train.trackers.{module}", raising=False)
    with pytest.raises(MissingExtra, match=rf"pip install 'auxdrive\[{name}\]'"):
        train(settings_for("baseline", stripe_data, track=[name]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_trackers_there_is_the_log_alone(stripe_data: Path, tmp_path: Path) -> None:
    train(settings_for("baseline", stripe_data), tmp_path)
    assert not (tmp_path / "tensorboard").exists()
    assert (tmp_path / "metrics.jsonl").exists()


def test_a_name_that_nobody_offers_is_a_mistake(stripe_data: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown tracker 'wandbb'\. Did you mean 'wandb'"):
        settings_for("baseline", stripe_data, track=["wandbb"])
    with pytest.raises(ConfigError, match="track: a tracker stands there twice"):
        settings_for("baseline", stripe_data, track=["wandb", "wandb"])


@pytest.mark.parametrize("name", [offer.name for offer in TRACKERS.builtin])
def test_the_extra_of_a_tracker_has_its_name(name: str) -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert name in project["optional-dependencies"]


WANDB_RUN = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from small_runs import settings_for
from auxdrive_train.engine.loop import Trainer
from auxdrive_train.engine.train import train
data, out = map(Path, sys.argv[1:3])
before = dict(os.environ)
config = settings_for("baseline", data, track=["wandb"])
save = Trainer._save
def killed(self):
    if self.progress.epoch == 2:
        raise SystemError("killed")
    save(self)
Trainer._save = killed
try:
    train(config, out)
except SystemError:
    pass
Trainer._save = save
train(config, out, resume=True)
assert {n: v for n, v in os.environ.items() if n.startswith("WANDB")} == {
    n: v for n, v in before.items() if n.startswith("WANDB")}
"""


@pytest.mark.slow
def test_wandb_keeps_an_offline_record_in_the_runs_folder_and_sends_nothing(
    stripe_data: Path, tmp_path: Path
) -> None:
    pytest.importorskip("wandb.proto.wandb_internal_pb2", exc_type=ImportError)
    places = {name: tmp_path / name for name in ("home", "tmp", "cwd")}
    for place in places.values():
        place.mkdir()
    out = tmp_path / "runs" / "tracked"
    out.parent.mkdir()
    with _listening() as (port, calls):
        proxy = f"http://127.0.0.1:{port}"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("WANDB")
        }
        done = subprocess.run(
            [sys.executable, "-c", WANDB_RUN, stripe_data, out, Path(__file__).parent],
            capture_output=True, text=True, timeout=300, check=False, cwd=places["cwd"],
            env={
                **environment, "HOME": str(places["home"]), "TMPDIR": str(places["tmp"]),
                "WANDB_BASE_URL": proxy, "HTTP_PROXY": proxy, "HTTPS_PROXY": proxy,
            },
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    assert calls == []
    assert [path for place in places.values() for path in place.rglob("*")] == []
    files = sorted(out.glob("wandb/offline-run-*/*.wandb"))
    assert len(files) == 2
    begun, ended = (_wandb_records(file) for file in files)
    ids = {record.run.run_id for record in (*begun, *ended) if record.HasField("run")}
    assert len(ids) == 1
    assert {r.run.project for r in begun if r.HasField("run")} == {"auxdrive"}
    assert {r.run.display_name for r in begun if r.HasField("run")} == {"tracked"}
    config = {
        item.key: json.loads(item.value_json)
        for record in begun if record.HasField("run")
        for item in record.run.config.update
    }  # fmt: skip
    assert config["method"] == "baseline"
    assert config["preprocessing"]["size"] == [64, 80]
    points: dict[tuple[str, int], float] = {}
    for record in (*begun, *ended):
        if record.HasField("history"):
            row = {item.nested_key[0] if item.nested_key else item.key: json.loads(item.value_json)
                   for item in record.history.item}  # fmt: skip
            points |= {(name, row["_step"]): value for name, value in row.items() if name[0] != "_"}
    wanted = {(name, step): value for name, curve in logged(out).items() for step, value in curve}
    assert points == wanted


class _listening:
    """A server on this machine that counts who calls; yields its port and the calls."""

    def __enter__(self) -> tuple[int, list[bytes]]:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._calls: list[bytes] = []
        threading.Thread(target=self._answer, daemon=True).start()
        return self._server.getsockname()[1], self._calls

    def _answer(self) -> None:
        while True:
            try:
                call, _ = self._server.accept()
            except OSError:
                return
            self._calls.append(call.recv(200))
            call.close()

    def __exit__(self, *_: object) -> None:
        self._server.close()


def _wandb_records(path: Path) -> list[Any]:
    """What W&B wrote down: a header of 7 bytes, then records in blocks of 32 KiB, as in LevelDB's
    log: checksum (4 bytes), length (2), kind (1: whole, 2 to 4: first, middle and last part).
    """
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, whole, found = path.read_bytes(), 7, b"", []
    while place < len(data):
        if 32768 - place % 32768 < 7:  # no room for a header is left in the block
            place += 32768 - place % 32768
            continue
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            found.append(Record.FromString(whole))
            whole = b""
    return found
