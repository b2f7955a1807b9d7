"""Training on a GPU: its results are the same each time, a run that was cut off goes on as if
nothing had happened, and what it learned is what a CPU computes from its weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive.cards import CameraSpec
from auxdrive.modalities import MODALITIES, Modality
from auxdrive_train.data.views import camera_from
from auxdrive_train.engine import epoch
from auxdrive_train.engine.train import train
from auxdrive_train.evaluation.evaluate import evaluate
from auxdrive_train.evaluation.models import open_model
from auxdrive_train.tasks.view import View
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
        ema=0.9,
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


def test_views_of_other_places_are_those_that_a_cpu_computes() -> None:
    camera = CameraSpec(width=80, height=60, fov_deg=90.0, x_m=1.0, z_m=1.5)
    here, there = (
        View(torch.linspace(-1, 1, 5, device=device), torch.linspace(0.1, -0.1, 5).to(device), 10.0)
        for device in ("cpu", "cuda")
    )
    for modality in (Modality.RGB, Modality.DEPTH, Modality.SEGMENTATION):
        spec = MODALITIES[modality]
        values = np.random.default_rng(0).integers(0, 20, (5, *spec.array_shape(60, 80)))
        frames = torch.from_numpy(values.astype(spec.numpy_dtype))
        moved = camera_from(frames.cuda(), modality, there, camera).cpu().to(torch.float32)
        expected = camera_from(frames, modality, here, camera).to(torch.float32)
        # another order of sums moves what is rounded, at a few borders of pixels
        assert (moved != expected).float().mean() < 0.01


def test_a_cpu_measures_of_the_weights_what_the_gpu_did(stripe_data: Path, tmp_path: Path) -> None:
    result = train(settings_for("baseline", stripe_data, device="cuda"), tmp_path / "run")
    measured = evaluate(open_model(tmp_path / "run"), [stripe_data], "val").metrics
    told = result.metrics["val"]["student"]
    assert told["mae_road_wheel_deg"] > 0
    for name in ("mae_road_wheel_deg", "r2"):
        assert measured[name].value == pytest.approx(told[name], rel=2e-3, abs=2e-3)
