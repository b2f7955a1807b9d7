"""`quantize: int8`: what it asks for, a resume bit for bit, and other runs as they were before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from auxdrive.cli import run as auxdrive
from auxdrive.errors import ConfigError, UsageError
from auxdrive.runs import InitialWeights, RunFolder
from auxdrive_train.engine import epoch
from auxdrive_train.engine.config_files import dump_config, load_config, parse_config
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.run_folder import config_sha256
from auxdrive_train.engine.train import train
from small_runs import settings_for, weights

RANGES = "fake_quantizer.ranges"


@pytest.fixture(scope="module")
def source(stripe_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sources") / "baseline"
    train(settings_for("baseline", stripe_data, seed=7, backbone="pilotnet_bn"), out)
    return out


def tuned(source: Path, data: Path, method: str = "baseline", **changes: Any) -> Any:
    values = {"quantize": "int8", "init_from": str(source), "backbone": "pilotnet_bn", "lr": 1e-3}
    return settings_for(method, data, **{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"init_from": None}, "trained already: give the run with --init-from RUN"),
        ({"precision": "bf16-mixed"}, "cannot be told apart in bf16-mixed; use precision: 32-true"),
        ({"main": "edge"}, "a bundle sees RGB alone, and the student sees edge"),
        ({"quantize": "int4"}, "quantize: .*'int8'"),
    ],
)
def test_what_cannot_be_is_told_before_anything_starts(
    changes: dict[str, Any], message: str
) -> None:
    values = {"data": "d", "quantize": "int8", "init_from": "runs/a", **changes}
    with pytest.raises(ConfigError, match=message):
        parse_config(values)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("umt", "phase 'probe' trains student.head and not the whole student"),
        ("teacher", "trains no student that can be exported"),
    ],
)
def test_a_method_without_a_student_that_is_trained_whole_is_refused(
    method: str, message: str, stripe_data: Path, tmp_path: Path, source: Path
) -> None:
    given = source
    if method == "teacher":
        given = tmp_path / "teacher"
        train(settings_for("teacher", stripe_data, epochs=1, backbone="pilotnet_bn"), given)
    with pytest.raises(ConfigError, match=message):
        train(tuned(given, stripe_data, method), tmp_path / "run")
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_other_runs_have_the_settings_and_the_checkpoints_of_before(
    stripe_data: Path, source: Path
) -> None:
    plain = settings_for("baseline", stripe_data)
    assert "quantize" not in dump_config(plain)
    assert "quantize" not in (source / "config.yaml").read_text()
    asked = tuned(source, stripe_data)
    assert "quantize: int8" in dump_config(asked)
    without = asked.model_copy(update={"quantize": None})
    assert config_sha256(asked) != config_sha256(without)
    assert not any("quantizer" in name for name in weights(source, "last.safetensors"))
    begun = InitialWeights(run="runs/a", sha256="0" * 64, networks=("student",))
    assert set(begun.model_dump(mode="json")) == {"run", "sha256", "networks"}


def test_only_the_checkpoint_to_resume_from_holds_the_ranges(
    stripe_data: Path, tmp_path: Path, source: Path
) -> None:
    out = tmp_path / "run"
    train(tuned(source, stripe_data, epochs=1), out)
    assert (weights(out, "last.safetensors")[RANGES] > 0).all()
    before, after = (weights(run, "best.safetensors") for run in (source, out))
    assert before.keys() == after.keys()
    assert not any(
        torch.equal(before[name], after[name]) for name in before if "batches" not in name
    )
    run = load_run(out)
    assert run.config.quantize == "int8"
    assert load_config(out / "config.yaml", {}, []) == run.config
    again = settings_for("baseline", stripe_data, init_from=str(out), backbone="pilotnet_bn")
    train(again, tmp_path / "again")  # a fine-tuned run is a run like any other
    with pytest.raises(UsageError, match="quantize was int8 and is not set"):
        train(again, out, resume=True)


@pytest.mark.parametrize("method", ["baseline", "samd", "dmcl"])
def test_a_run_that_is_cut_off_again_and_again_ends_with_the_same_bits(
    method: str, stripe_data: Path, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tuned(source, stripe_data, method)
    train(config, tmp_path / "whole")
    original, calls = epoch._step, 0

    def failing(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % 10 == 0:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(epoch, "_step", failing)
    cut = 0
    for attempt in range(30):
        try:
            train(config, tmp_path / "cut", resume=attempt > 0)
            break
        except KeyboardInterrupt:
            cut += 1
    assert cut >= 1
    for name in ("last.safetensors", "best.safetensors"):
        ours, theirs = weights(tmp_path / "cut", name), weights(tmp_path / "whole", name)
        assert ours.keys() == theirs.keys()
        for key, tensor in ours.items():
            assert torch.equal(tensor, theirs[key]), key
    results = [RunFolder(tmp_path / name).result() for name in ("cut", "whole")]
    assert results[0].metrics == results[1].metrics


def test_the_command_fine_tunes_and_says_so(
    stripe_data: Path, tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["train", "--data", str(stripe_data), "--backbone", "pilotnet_bn", "--epochs", "1"]
    small = ["preprocessing.size=[64,80]", "batch_size=16", "threads=1", "quantize=int8"]
    line += [part for each in small for part in ("--set", each)]
    assert auxdrive([*line, "--out", str(tmp_path / "run")]) == 2
    assert "give the run with --init-from RUN" in " ".join(capsys.readouterr().err.split())
    assert auxdrive([*line, "--init-from", str(source), "--out", str(tmp_path / "run")]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "fine-tuned for int8: 5 layers and 10 maps" in told
    assert auxdrive(["inspect", str(tmp_path / "run"), "--html", str(tmp_path / "page.html")]) == 0
    assert "fine-tuned for │ int8 " in " ".join(capsys.readouterr().out.split())
    assert "fine-tuned for" in (tmp_path / "page.html").read_text()
