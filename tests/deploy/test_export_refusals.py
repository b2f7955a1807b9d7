"""What export refuses, and that it leaves nothing behind when it does."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from auxdrive import cli, console
from auxdrive.bundles import MODEL_NAME, Bundle
from auxdrive.checks.verify import verify_bundle
from auxdrive.errors import CheckFailed, DataError, UsageError
from auxdrive.storage.folders import held
from auxdrive.tasks import steering
from auxdrive.tasks.steering import STEERING
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_deploy.student_graph import student_of, to_onnx
from auxdrive_train.engine.building import build_finished
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.load import Run, load_run
from typer.testing import CliRunner


@pytest.fixture
def copied_run(steering_run: Run, tmp_path: Path) -> Path:
    """A run that may be damaged."""
    return Path(shutil.copytree(steering_run.directory, tmp_path / "run"))


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["auxdrive", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file may grow beyond `limit` bytes: writing fails in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_bundle_that_another_process_writes_is_left_alone(
    steering_run: Run, tmp_path: Path
) -> None:
    with (
        held(tmp_path / "bundle", beside=True),
        pytest.raises(UsageError, match="another process is writing there"),
    ):
        write_bundle(steering_run, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
def test_a_bundle_is_read_by_whom_the_umask_lets(steering_run: Run, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bundle(steering_run, tmp_path / "bundle")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "bundle").stat().st_mode) == 0o750
    assert {
        stat.S_IMODE(file.stat().st_mode)
        for file in (tmp_path / "bundle").rglob("*")
        if file.is_file()
    } == {0o640}
    assert [entry.name for entry in tmp_path.iterdir()] == ["bundle"]


def test_verify_refuses_a_model_of_another_seed(
    bundles: dict[str, tuple[Run, Path]], tmp_path: Path
) -> None:
    run, path = bundles["steering"]
    forged = Path(shutil.copytree(path, tmp_path / "forged"))
    _, networks = build_finished(
        run.config.model_copy(update={"seed": run.config.seed + 7}), run.task
    )
    model = to_onnx(student_of(run, networks.eval()), run.task, 64, 80)
    (forged / MODEL_NAME).write_bytes(model)
    card = json.loads((forged / "card.json").read_text())
    card["files"][MODEL_NAME] = hashlib.sha256(model).hexdigest()
    (forged / "card.json").write_text(json.dumps(card))
    Bundle.open(forged)
    failed = {check.name for check in verify_bundle(forged).checks if not check.passed}
    assert "parity" in failed


def test_a_run_without_a_student_is_refused(teacher_run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"method 'teacher' trains no student \(it has teacher\)"):
        write_bundle(teacher_run, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_student_that_sees_no_camera_is_refused(steering_run: Run, tmp_path: Path) -> None:
    config = parse_config(
        {
            **steering_run.config.model_dump(),
            "method": "baseline",
            "options": {},
            "main": "depth",
            "aux": (),
        }
    )
    method, networks = build_finished(config, steering_run.task)
    run = Run(
        steering_run.directory,
        config,
        steering_run.card,
        steering_run.task,
        method,
        networks,
        method.roles(networks),
        steering_run.progress,
        {},
    )
    with pytest.raises(UsageError, match="the student sees depth"):
        write_bundle(run, tmp_path / "bundle")


@pytest.mark.parametrize("kind", ["directory", "file", "link"])
def test_an_existing_destination_is_never_touched(
    kind: str, steering_run: Run, tmp_path: Path
) -> None:
    out = tmp_path / "bundle"
    {
        "directory": out.mkdir,
        "file": out.touch,
        "link": lambda: out.symlink_to(tmp_path / "nowhere"),
    }[kind]()
    with pytest.raises(UsageError, match="exists already"):
        write_bundle(steering_run, out)
    assert [entry.name for entry in tmp_path.iterdir()] == ["bundle"]


def test_a_full_disk_leaves_nothing(steering_run: Run, tmp_path: Path) -> None:
    with (
        full_disk(100_000),
        pytest.raises(DataError, match=r"cannot write the bundle .*Nothing was left behind"),
    ):
        write_bundle(steering_run, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_destination_inside_a_file_is_an_error_of_the_disk(
    steering_run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be made"):
        write_bundle(steering_run, tmp_path / "file" / "bundle")


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 101])
def test_a_name_must_be_printable(name: str, steering_run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name must be"):
        write_bundle(steering_run, tmp_path / "bundle", name)


@pytest.mark.parametrize(
    ("limit", "message"),
    [(1e-15, "the exported graph is not the student"), (1e9, "negative control does not fail")],
)
def test_parity_and_its_negative_control_gate_the_export(
    limit: float, message: str, steering_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(STEERING, "parity_limit", limit)
    with pytest.raises(CheckFailed, match=message):
        write_bundle(steering_run, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_does_not_verify_is_not_written(
    steering_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        steering, "ANGLE_MARGIN", 1e-6
    )  # no car's steering is as narrow as that, and no card may say so
    with pytest.raises(CheckFailed, match=r"does not pass `auxdrive verify`.*output limits"):
        write_bundle(steering_run, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_without_the_data_metrics_stand_without_intervals(copied_run: Path, tmp_path: Path) -> None:
    config = (copied_run / "config.yaml").read_text().splitlines()
    (copied_run / "config.yaml").write_text(
        "\n".join("data: gone" if line.startswith("data:") else line for line in config)
    )
    with console.log_shown():  # as `cli.run` does
        result = CliRunner().invoke(
            cli.build_app(),
            ["export", str(copied_run), "--out", str(tmp_path / "bundle"), "--json"],
        )
    assert result.exit_code == 0, result.output
    said = (
        "`{}`: as measured after training, without intervals: the data set was not at hand when "
        "the bundle was made."
    )
    # On standard error, where it does not spoil the JSON.
    lines = result.stderr.splitlines()
    assert [line for line in lines if line.startswith("metrics of")] == [
        f"metrics of {said.format(split)}" for split in ("val", "test")
    ]
    assert (
        json.loads(result.stdout)["card_sha256"]
        == hashlib.sha256((tmp_path / "bundle" / "card.json").read_bytes()).hexdigest()
    )
    metrics = json.loads(result.stdout)["card"]["metrics"]
    recorded = json.loads((copied_run / "result.json").read_text())["metrics"]["val"]["student"]
    assert metrics["val/macc"]["value"] == recorded["macc"]
    assert all(value["low"] is None for value in metrics.values())
    assert said.format("val") in (tmp_path / "bundle" / "README.md").read_text()
    assert verify_bundle(tmp_path / "bundle").passed


def test_a_result_of_another_training_is_noticed(copied_run: Path, tmp_path: Path) -> None:
    result = json.loads((copied_run / "result.json").read_text())
    result["metrics"]["val"]["student"]["rmse_road_wheel_deg"] += 0.2
    (copied_run / "result.json").write_text(json.dumps(result))
    with pytest.raises(
        CheckFailed, match=r"the student's rmse_road_wheel_deg on 'val' .* not of one training"
    ):
        write_bundle(load_run(copied_run), tmp_path / "bundle")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("result.json", None, "has not finished training"),
        ("result.json", b"{", "result.json is damaged"),
        ("result.json", b"[]", "result.json is damaged"),
        ("run.json", b'{"dataset_sha256": 3}', "damaged"),
        ("reference/images.npy", None, "cannot be read"),
        ("reference/images.npy", b"\x93NUMPY", "cannot be read"),
        ("reference/images.npy", np.zeros((2, 64, 80, 3), np.float32), "not uint8"),
        ("reference/images.npy", np.zeros((0, 64, 80, 3), np.uint8), "not uint8"),
        (
            "reference/images.npy",
            np.zeros((2, 32, 80, 3), np.uint8),
            "the camera in dataset.json gives",
        ),
        ("reference/ego.npy", np.zeros((1, 0), np.float32), "not finite float32"),
        ("reference/ego.npy", np.array([object()]), "cannot be read"),
        ("reference/labels.npy", None, "cannot be read"),
        ("reference/labels.npy", np.zeros((1, 7), np.float32), "labels.npy holds float32"),
        ("checkpoints/best.safetensors", b"", "damaged"),
    ],
)
def test_damaged_runs_are_refused(
    file: str, content: object, message: str, copied_run: Path, tmp_path: Path
) -> None:
    path = copied_run / file
    assert path.is_file()
    if content is None:
        path.unlink()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, np.asarray(content), allow_pickle=True)
    with pytest.raises(DataError, match=message):
        write_bundle(load_run(copied_run), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_the_command_exports(
    steering_run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "deep" / "bundle"
    assert (
        command(
            monkeypatch,
            "export",
            str(steering_run.directory),
            "--out",
            str(out),
            "--name",
            "my student",
            "--json",
        )
        == 0
    )
    out_text, said = capsys.readouterr()
    printed = json.loads(out_text)
    assert f"exporting {steering_run.directory}: 5 steps" in said
    assert re.search(r"^step 3/5 · .*left · metrics are measured$", said, re.MULTILINE)
    assert re.search(r"^step 5/5 · took .* · the bundle is verified$", said, re.MULTILINE)
    assert printed["card"]["name"] == "my student" == Bundle.open(out).card.name
    assert 0 <= printed["card"]["parity"]["measured"] <= printed["card"]["parity"]["limit"]


def test_the_command_tells_mistakes_without_a_traceback(
    teacher_run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(monkeypatch, "export", str(tmp_path / "none"), "--out", str(tmp_path / "b")) == 2
    assert "no such run" in capsys.readouterr().err
    assert command(monkeypatch, "export", str(tmp_path), "--out", str(tmp_path / "b")) == 2
    assert "is no run" in capsys.readouterr().err
    assert (
        command(monkeypatch, "export", str(teacher_run.directory), "--out", str(tmp_path / "b"))
        == 2
    )
    assert "Traceback" not in capsys.readouterr().err
