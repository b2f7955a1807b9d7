"""How many threads a training process takes: those that are configured, else torch's number within
the CPUs that it may use.
"""

from __future__ import annotations

import pytest
import torch
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import threads_of


@pytest.mark.parametrize(
    ("configured", "usable", "wanted"), [(0, 1, 1), (0, 10_000, None), (3, 1, 3)]
)
def test_a_containers_quota_is_kept(
    monkeypatch: pytest.MonkeyPatch, configured: int, usable: int, wanted: int | None
) -> None:
    monkeypatch.setattr("auxdrive_train.engine.train.usable_cpus", lambda: usable)
    config = parse_config({"data": "d", "threads": configured})
    assert threads_of(config) == (torch.get_num_threads() if wanted is None else wanted)
