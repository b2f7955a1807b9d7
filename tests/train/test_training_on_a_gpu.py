"""Training on a GPU: its results are the same each time, a run that was cut off goes on as if
nothing had happened, and what it learned is what a CPU computes from its weights.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from auxdrive_train.engine import epoch
from auxdrive_train.engine.train import train
from auxdrive_train.evaluation.evaluate import evaluate
from auxdrive_train.evaluation.models import open_model
from small_runs import assert_same_run, settings_for

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_run_that_was_cut_off_goes_on_bit_for_bit(
    precision: str, stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = settings_for(
        "samd",
        stripe_data,
        epochs=4,
        options={"epochs_per_round": 2},
        device="cuda",
        precision=precision,
    )
    for name in ("whole", "again"):
        train(made, tmp_path / name)
    assert_same_run(tmp_path / "again", tmp_path / "whole")
    original, calls = epoch._step, 0

    def failing(*arguments):
        nonlocal calls
        calls += 1
        if calls == 12:
            raise RuntimeError("cut off")
        return original(*arguments)

    monkeypatch.setattr(epoch, "_step", failing)
    with pytest.raises(RuntimeError, match="cut off"):
        train(made, tmp_path / "cut")
    train(made, tmp_path / "cut", resume=True)
    assert_same_run(tmp_path / "cut", tmp_path / "whole")


def test_a_cpu_measures_of_the_weights_what_the_gpu_did(stripe_data: Path, tmp_path: Path) -> None:
    result = train(settings_for("baseline", stripe_data, device="cuda"), tmp_path / "run")
    measured = evaluate(open_model(tmp_path / "run"), [stripe_data], "val").metrics
    told = result.metrics["val"]["student"]
    assert told["mae_road_wheel_deg"] > 0
    for name in ("mae_road_wheel_deg", "r2"):
        assert measured[name].value == pytest.approx(told[name], rel=2e-3, abs=2e-3)
