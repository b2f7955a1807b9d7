"""Training opens each episode once, whatever asks for it, and prints nothing by itself."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.logs import ToParent, logged_to
from auxdrive.work import Shown, Work
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.processes import _shown_by, _telling
from auxdrive_train.engine.train import train


@pytest.mark.parametrize("parts", [1, 2])
def test_one_training_opens_each_episode_once(
    parts: int,
    stripe_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Also where a modality is derived first, and where two data sets are one."""
    opened: Counter[Path] = Counter()
    original = EpisodeReader.__init__

    def counting(self: EpisodeReader, path: Path | str) -> None:
        opened[Path(path)] += 1
        original(self, path)

    monkeypatch.setattr(EpisodeReader, "__init__", counting)
    data = tmp_path / "data"
    shutil.copytree(stripe_data, data)
    values = {
        "data": str(data), "aux": ["edge"], "method": "teacher", "epochs": 1, "threads": 1,
        "batch_size": 16, "preprocessing": {"size": [64, 80]}, "evaluate": ["test"],
    }  # fmt: skip
    if parts == 2:
        other = tmp_path / "other"
        shutil.copytree(stripe_data, other)
        for state in other.glob("episodes/*/state.npy"):  # another drive
            changed = bytearray(state.read_bytes())
            changed[-40] ^= 1
            state.write_bytes(changed)
        values["data"] = [str(data), str(other)]
    capfd.readouterr()
    train(parse_config(values), tmp_path / "run")
    assert opened == dict.fromkeys(opened, 1)
    assert len(opened) == parts * len(list((data / "episodes").iterdir()))
    assert capfd.readouterr() == ("", "")


def test_what_another_process_logs_and_how_far_it_is_is_told_here(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[object] = []

    class Told:
        def done(self, count: int = 1, *details: str, effort: float | None = None) -> None:
            told.append(("done", count, details, effort))

        def found(self, count: int, effort: float | None = None) -> None:
            told.append(("found", count, effort))

        def within(self, share: float, effort: float | None = None) -> None:
            told.append(("within", share))

        def expect(self, total: int) -> None:
            told.append(("expect", total))

    @contextmanager
    def progress(work: Work) -> Iterator[Shown]:
        told.append(work)
        yield Told()
        told.append("end")

    work = Work("samd", "epoch", 3)
    with _telling(progress) as connection:
        parent = ToParent(connection)
        log = logging.getLogger("auxdrive_train.elsewhere")
        record = log.makeRecord(log.name, logging.INFO, "here", 1, "of %d samples", (3,), None)
        parent.handle(record)
        with logged_to(logging.NullHandler()), _shown_by(parent, work) as shown:
            shown.found(1)
            shown.within(0.5)
            shown.done(1, "loss 0.1", effort=2.0)
            shown.expect(2)
    assert told == [
        work, ("found", 1, None), ("within", 0.5), ("done", 1, ("loss 0.1",), 2.0), ("expect", 2),
        "end",
    ]  # fmt: skip
    assert "of 3 samples" in caplog.messages
