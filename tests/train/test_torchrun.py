"""Training by torchrun: two processes give the same weights each time, also where one is killed in
the middle, and what does not fit is refused.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ends_of_ranks
import pytest
import torch
from auxdrive.data.dataset import Dataset
from auxdrive.errors import ConfigError, UsageError
from auxdrive.runs import RunFolder
from auxdrive_train.engine.config_files import dump_config, parse_config
from auxdrive_train.engine.ranks import Rank, check_shared
from auxdrive_train.engine.train import train
from small_runs import SMALL, weights

DEADLINE_S = 240.0
EPOCHS = 6
LEFT = "threads of gloo at the end: 0"
"""Said by a rank that ends well: no thread of gloo can abort it any more."""
ONE_MACHINE = ("--nproc-per-node", "2", "--standalone")


def two_machines() -> list[tuple[str, ...]]:
    """How torchrun is told that there are two machines, with a process on each."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    meeting = ("--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{port}", "--rdzv-id", "1")
    return [("--nnodes", "2", "--nproc-per-node", "1", *meeting)] * 2


def config(data: Path, **values: Any) -> Any:
    return parse_config({**SMALL, "data": str(data), "processes": 2, "epochs": EPOCHS, **values})


def torchrun(
    folder: Path, data: Path, *options: str, launch: tuple[str, ...] = ONE_MACHINE, **values: Any
) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(dump_config(config(data, **values)))
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *launch, ends_of_ranks.__file__, "train",
         str(folder / "config.yaml"), "--out", str(folder / "run"), "--json", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, said = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    return process.returncode, out, said


def ranks_of(pid: int) -> Iterator[int]:
    """The ranks of a torchrun, in their order."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        told = dict(
            each.split("=", 1)
            for each in Path(f"/proc/{child}/environ").read_text().split("\0")
            if "=" in each
        )
        if "RANK" in told:
            found[int(told["RANK"])] = int(child)
    return (found[rank] for rank in sorted(found))


def until_an_epoch_is_done(folder: Path, process: subprocess.Popen[str]) -> None:
    log, end = folder / "run" / "metrics.jsonl", time.monotonic() + DEADLINE_S
    while not (log.exists() and log.read_bytes().count(b"\n") >= 2):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def assert_same_weights(ours: Path, theirs: Path) -> None:
    for name in ("best.safetensors", "last.safetensors"):
        one, other = weights(ours, name), weights(theirs, name)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name


@pytest.fixture(scope="module")
def spawned(tmp_path_factory: pytest.TempPathFactory, stripe_data: Path) -> Path:
    """A run of two processes that the command itself starts."""
    run = tmp_path_factory.mktemp("spawned") / "run"
    train(config(stripe_data), run)
    return run


linux = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds the processes through /proc"
)


@pytest.mark.slow
@linux
def test_a_killed_rank_ends_all_and_a_resume_gives_the_weights_of_two_processes(
    spawned: Path, stripe_data: Path, tmp_path: Path
) -> None:
    process = torchrun(tmp_path, stripe_data)
    until_an_epoch_is_done(tmp_path, process)
    first, second = ranks_of(process.pid)
    os.kill(second, signal.SIGKILL)
    code, out, said = ended(process)
    assert code != 0
    assert out == ""
    assert "SIGKILL" in said or "Signal 9" in said
    assert not Path(f"/proc/{first}").exists()
    done = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert 2 <= len(done) < EPOCHS
    both = [torchrun(tmp_path, stripe_data, "--resume", launch=each) for each in two_machines()]
    ends = [ended(process) for process in both]
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert all(LEFT in said for _, _, said in ends), ends
    (told,) = (out for _, out, _ in ends if out)  # the first rank alone tells
    assert json.loads(told)["run"] == str(tmp_path / "run")
    assert_same_weights(tmp_path / "run", spawned)


@pytest.mark.slow
@linux
def test_torchrun_starts_lost_ranks_again_and_they_go_on(
    spawned: Path, stripe_data: Path, tmp_path: Path
) -> None:
    launch = (*ONE_MACHINE, "--max-restarts", "1")
    process = torchrun(tmp_path, stripe_data, launch=launch)
    until_an_epoch_is_done(tmp_path, process)
    os.kill(next(ranks_of(process.pid)), signal.SIGKILL)  # it held the folder
    code, _, said = ended(process)
    assert code == 0, said
    assert said.count(LEFT) == 2, said
    assert_same_weights(tmp_path / "run", spawned)


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, None),
        ({"RANK": "0", "WORLD_SIZE": "2"}, None),  # of another launcher
        (
            {
                "TORCHELASTIC_RUN_ID": "x",
                "RANK": "3",
                "WORLD_SIZE": "4",
                "LOCAL_WORLD_SIZE": "2",
                "TORCHELASTIC_RESTART_COUNT": "1",
            },
            Rank(3, 4, 2, True),
        ),
    ],
)
def test_the_rank_is_what_torchrun_tells(environment: Mapping[str, str], rank: Rank | None) -> None:
    assert Rank.of_torchrun(environment) == rank


class Second:
    """The second process of a training, as far as `check_shared` asks it."""

    global_rank = 1

    def __init__(self, first: dict[str, Any]) -> None:
        self.first = first

    def broadcast(self, seen: dict[str, Any], src: int) -> dict[str, Any]:
        return {**seen, **self.first}


def test_a_rank_that_sees_another_run_or_other_data_is_refused(
    stripe_data: Path, tmp_path: Path
) -> None:
    folder, data = RunFolder(tmp_path), Dataset.open(stripe_data)
    check_shared(Second({}), folder, data)
    for first in ({"the run": 5}, {"the data": "another"}):
        (what,) = first
        with pytest.raises(UsageError, match=f"rank 1 on .* does not see {what} of rank 0"):
            check_shared(Second(first), folder, data)


def test_the_number_of_processes_must_be_torchruns(stripe_data: Path) -> None:
    with pytest.raises(ConfigError, match="torchrun started 4, and the settings say 2"):
        Rank(0, 4, 4, False).fabric(config(stripe_data))
