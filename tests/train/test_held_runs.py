"""One process at a time fills a run's folder: a second `--resume` would go on from the same
checkpoint, and log every epoch twice.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from auxdrive.errors import UsageError
from auxdrive.storage.folders import held
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_that_another_process_trains_is_left_alone(
    stripe_data: Path, tmp_path: Path, resume: bool
) -> None:
    config = parse_config(
        {
            "data": str(stripe_data),
            "preprocessing": {"size": [64, 80]},
            "batch_size": 8,
            "epochs": 1,
            "threads": 1,
        }
    )
    out = tmp_path / "run"
    with held(out), pytest.raises(UsageError, match="another process is writing there"):
        train(config, out, resume)
    assert not out.exists()


def test_a_refused_run_leaves_no_folder(stripe_data: Path, tmp_path: Path) -> None:
    config = parse_config({"data": str(stripe_data), "preprocessing": {"size": [64, 80]}})
    with pytest.raises(UsageError, match="holds nothing that could be resumed"):
        train(config, tmp_path / "run", resume=True)
    assert list(tmp_path.iterdir()) == []
