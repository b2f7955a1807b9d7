"""The moving average of the weights (`ema`) against a twin in float64, over the phases of SAMD,
and after interruptions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from auxdrive.errors import ConfigError
from auxdrive_train.engine import epoch
from auxdrive_train.engine.config_files import dump_config
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.train import train
from small_runs import assert_same_run, settings_for, train_with_interruptions, weights
from torch import Tensor, nn

DECAY = 0.9
COUNTS = ("num_batches_tracked", "weight_average")


def state(networks: nn.Module) -> dict[str, Tensor]:
    return {
        name: tensor.double()
        for name, tensor in networks.state_dict().items()
        if not any(part in name for part in COUNTS)
    }


class Twin:
    """Follows the steps of a training from outside, in float64."""

    def __init__(self) -> None:
        self.average: dict[str, Tensor] = {}
        self.left_behind: list[tuple[dict[str, Tensor], dict[str, Tensor]]] = []
        self.own: dict[str, Tensor] = {}
        self.steps = 0
        self._step = epoch._step

    def __call__(self, parts: Any, phase: Any, *rest: Any) -> Any:
        if rest[3][1:] == (0, 0):
            begun = state(parts.networks)
            self.left_behind.append((self.average, begun))
            self.average, self.steps = dict(begun), 0
        result = self._step(parts, phase, *rest)
        share = 1 - min(DECAY, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        self.own = state(parts.networks)
        for name, tensor in self.own.items():
            self.average[name] = self.average[name] + share * (tensor - self.average[name])
        return result


def test_what_is_validated_and_left_behind_is_the_average(
    stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = settings_for("samd", stripe_data, ema=DECAY, backbone="pilotnet_bn")
    twin = Twin()
    monkeypatch.setattr(epoch, "_step", twin)
    result = train(made, tmp_path / "whole")
    monkeypatch.undo()
    left = weights(tmp_path / "whole", "last.safetensors")
    for name, expected in twin.average.items():
        torch.testing.assert_close(left[name].double(), expected, atol=2e-6, rtol=2e-5)
    assert any(not torch.allclose(left[name].double(), own) for name, own in twin.own.items())
    # The second round's teacher begins as the student's average.
    (average, begun), trunk = twin.left_behind[2], "encoder.trunk"
    names = [name for name in begun if name.startswith("student.") or trunk in name]
    assert any("running_var" in name for name in names)
    for name in names:
        of_student = name.replace("teacher.", "student.")
        torch.testing.assert_close(begun[name], average[of_student], atol=2e-6, rtol=2e-5)
    # What is measured and exported is what was judged; nothing of the average lies beside it.
    assert not [key for key in weights(tmp_path / "whole", "best.safetensors") if COUNTS[1] in key]
    run = load_run(tmp_path / "whole")
    measured = result.metrics["val"]["student"][run.task.primary_metric]
    assert measured == pytest.approx(run.progress.best, rel=1e-6)

    calls = 0

    def failing(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % 9 == 0:
            raise KeyboardInterrupt
        return twin._step(*arguments)

    monkeypatch.setattr(epoch, "_step", failing)
    assert train_with_interruptions(made, tmp_path / "cut") > 0
    assert_same_run(tmp_path / "cut", tmp_path / "whole")


def test_without_it_a_run_is_what_it_was(stripe_data: Path) -> None:
    assert "ema" not in dump_config(settings_for("baseline", stripe_data))
    with pytest.raises(ConfigError, match=r"quantize: .* leave ema out"):
        settings_for("baseline", stripe_data, ema=DECAY, quantize="int8", init_from="run")
