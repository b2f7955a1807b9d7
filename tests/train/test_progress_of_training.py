"""How far a training is: totals come from the method's phases, lines from its epochs."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from auxdrive.cli import run
from auxdrive.data.dataset import Dataset
from auxdrive_train.engine.building import make_method
from auxdrive_train.engine.loop import Trainer
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import Method
from auxdrive_train.methods.phases import Phase, PhaseRecord
from auxdrive_train.tasks import make_task
from small_runs import settings_for

# Epochs of all phases, of settings_for's two epochs with three modalities.
TOTALS = {
    "baseline": 2,
    "teacher": 2,
    "samd": 4,
    "umt": 3 * 2 + 2 + 1,
    "dmcl": 2,
    "kd": 4,
    "mfh": 3 * 2,
    "ume": 3 * 2,
    **dict.fromkeys(("smcl", "cmcl", "random_teacher", "independent"), 2),
    **dict.fromkeys(("type_a", "type_b", "type_c", "early_fusion"), 2),
    "hallucination": 2 * 2 + 2,
    "staged_hallucination": 3 * 2 + 2 + 5,
    **dict.fromkeys(("naive_fusion", "auxiliary_losses", "modality_dropout", "ogm_ge"), 2 + 10),
    "pretrained_fusion": 3 * 2 + 2 + 10,
    "self_distillation": 2 + 2 + 10,
    "selection": 2,
}


def method_of(name: str, data: Path, **changes) -> Method:
    task = {"task": "classification"} if METHODS[name].needs_probabilities else {}
    config = settings_for(name, data, **task, **changes)
    return make_method(config, make_task(config.task, Dataset.open(data).card))


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_knows_its_phases(name: str, stripe_data: Path) -> None:
    """Also after some of them, whatever these reached."""
    method = method_of(name, stripe_data)
    phases = method.phases_to_come([])
    assert phases is not None
    assert sum(phase.epochs for phase in phases) == TOTALS[name]
    history: list[PhaseRecord] = []
    for number, phase in enumerate(phases):
        coming = method.phases_to_come(history)
        assert coming is not None
        assert [each.name for each in coming] == [each.name for each in phases[number:]]
        history.append(PhaseRecord(phase.name, phase.epochs, phase.watch, math.nan, math.nan))
    assert method.phases_to_come(history) == []


def test_a_student_that_has_converged_ends_samd(stripe_data: Path) -> None:
    method = method_of("samd", stripe_data, epochs=9)
    history = [
        PhaseRecord(f"{n}", 1, watch, 1.0, 1.0)
        for n in range(3)
        for watch in ("teacher", "student")
    ]
    assert len(method.phases_to_come(history) or ()) == 2 * 6
    history += [PhaseRecord("3", 1, watch, 2.0, 2.0) for watch in ("teacher", "student")]
    assert method.phases_to_come(history) == []


def test_a_method_without_end_has_no_total(
    stripe_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = method_of("baseline", stripe_data)
    endless = Phase("on and on", ("student",), 1, lambda *_: None, "student")  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(method, "next_phase", lambda _: endless)
    assert method.phases_to_come([]) is None


def arguments(data: Path, out: Path, *others: str) -> list[str]:
    small = ("preprocessing.size=[64,80]", "batch_size=16", "threads=1")
    sets = [part for setup in small for part in ("--set", setup)]
    return ["train", "--data", str(data), "--out", str(out), *sets, *others]


def test_a_training_says_every_epoch_and_its_result_stands_alone(
    stripe_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samd = ("--method", "samd", "--aux", "depth", "--set", "options.epochs_per_round=1")
    assert run(arguments(stripe_data, tmp_path, *samd, "--epochs", "2", "--json")) == 0
    out, said = capsys.readouterr()
    assert json.loads(out)["method"] == "samd"
    lines = re.findall(r"^(?:training|epoch) .*$", said, re.MULTILINE)
    assert lines[0] == "training samd (pilotnet): 4 epochs"
    for number, line in enumerate(lines[1:], start=1):
        role = "student" if number % 2 == 0 else "teacher"
        time = "took" if number == 4 else "left"
        assert re.fullmatch(
            rf"epoch {number}/4 · .*{time}.* · round {(number + 1) // 2}: {role} 1/1 · "
            r"loss \d\.\d+ · rmse_road_wheel_deg \d+\.\d+",
            line,
        )
    assert len(lines) == 5


def test_a_training_that_is_interrupted_says_how_it_goes_on(
    stripe_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finish = Trainer._finish_epoch

    def interrupted(self: Trainer, *others) -> None:
        if self.progress.epoch == 1:
            raise KeyboardInterrupt
        finish(self, *others)

    monkeypatch.setattr(Trainer, "_finish_epoch", interrupted)
    assert run(arguments(stripe_data, tmp_path / "run", "--epochs", "2")) == 130
    out, said = capsys.readouterr()
    assert out == ""
    assert "the same command with --resume goes on" in said
    assert said.endswith("interrupted\n")
    monkeypatch.undo()
    assert run(arguments(stripe_data, tmp_path / "run", "--epochs", "2", "--resume", "-q")) == 0
    assert capsys.readouterr().err == ""
