"""A run's and a recording's files: a pipe in the place of one is refused at once, and their rights
are those of the umask.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from auxdrive.cli import run
from auxdrive.errors import AuxdriveError
from auxdrive_train.engine import checkpoint
from auxdrive_train.engine.progress import Progress
from auxdrive_train.models.resnet import resnet18
from auxdrive_train.models.weight_files import load_weight_file

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    def too_late(*_: object) -> None:
        raise TimeoutError("somebody waits at the pipe")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_weights_and_checkpoints(pipe: Path) -> None:
    with pytest.raises(AuxdriveError, match="is a pipe"):
        load_weight_file(resnet18(), str(pipe))
    with pytest.raises(AuxdriveError, match="is a pipe"):
        checkpoint.load(pipe)


def test_a_checkpoint_is_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        checkpoint.save(
            tmp_path / "last.safetensors", checkpoint.Checkpoint({}, Progress(), "f" * 64)
        )
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "last.safetensors").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("form", "labels"), [("donkey", "manifest.json"), ("udacity", "driving_log.csv")]
)
def test_labels_of_recordings(
    pipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, labels: str
) -> None:
    (tmp_path / "source" / "images").mkdir(parents=True)
    pipe.rename(tmp_path / "source" / labels)
    assert run(["ingest", form, str(tmp_path / "source"), "--out", str(tmp_path / "out")]) == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["config.yaml", "run.json", "dataset.json", "result.json", "metrics.jsonl"]
)
def test_files_of_a_run(
    pipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    for other in ("config.yaml", "run.json", "dataset.json", "result.json"):
        (folder / other).write_text("{}")
    (folder / name).unlink(missing_ok=True)
    pipe.rename(folder / name)
    assert run(["inspect", str(folder)]) in (1, 2)
    assert "is a pipe" in capsys.readouterr().err or name == "config.yaml"
    assert run(["export", str(folder), "--out", str(tmp_path / "bundle")]) == 2
