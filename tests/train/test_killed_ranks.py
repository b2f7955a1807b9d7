"""Training in two processes of which one is killed or stopped: the command says so and ends, and
what was done is kept.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from auxdrive_train.engine.config_files import dump_config, parse_config

DEADLINE_S = 180.0
STOPPED_S = 2.0
COMMAND = f"""
import auxdrive_train.engine.processes as processes
processes.STOPPED_S = {STOPPED_S}
from auxdrive.cli import main
if __name__ == "__main__":
    main()
"""


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_rank(pid: int) -> bool:
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


def until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds the processes through /proc"
)
@pytest.mark.parametrize(
    ("sent", "rank", "said"),
    [
        (signal.SIGKILL, 1, "SIGKILL (out of memory?)"),
        (signal.SIGKILL, 0, "ended"),
        (signal.SIGSTOP, 1, "was stopped"),
    ],
    ids=["the second killed", "the first killed", "the second stopped"],
)
def test_a_process_that_is_gone_ends_the_command(
    sent: signal.Signals, rank: int, said: str, stripe_data: Path, tmp_path: Path
) -> None:
    values = {
        "data": str(stripe_data),
        "processes": 2,
        "epochs": 5000,
        "batch_size": 16,
        "threads": 1,
        "preprocessing": {"size": [64, 80]},
    }
    (tmp_path / "config.yaml").write_text(dump_config(parse_config(values)))
    (tmp_path / "command.py").write_text(COMMAND)
    out = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "command.py"), "train", str(tmp_path / "config.yaml"),
         "--out", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    try:
        until(lambda: (out / "checkpoints" / "last.safetensors").exists(), process)
        ranks = sorted(pid for pid in children(process.pid) if is_rank(pid))
        assert len(ranks) == 2
        os.kill(ranks[rank], sent)
        _, told = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    assert process.returncode == 2, told
    assert "Traceback" not in told
    message = " ".join(told.split())
    assert said in message
    assert "training process" in message
    assert "--resume" in message
    assert not any(Path(f"/proc/{pid}").exists() for pid in ranks)
    assert len((out / "metrics.jsonl").read_text().splitlines()) >= 1
    assert all(
        "epoch" in json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()
    )
