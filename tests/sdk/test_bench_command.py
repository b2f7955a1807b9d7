"""`auxdrive bench`: what it prints, writes and keeps with a bundle, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from auxdrive import BenchReport, Bundle, verify_bundle
from auxdrive.bench.attached import attached, machine_name
from auxdrive.bundles import parse_card
from auxdrive.errors import BundleError
from auxdrive.strict import parse_model

Run = Callable[..., tuple[int, str, str]]
BRIEFLY = ("--calls", 8, "--rounds", 2, "--seconds", 0.2, "--cold-starts", 1)
ONE = ("--runtime", "onnxruntime:cpu")


@pytest.fixture(scope="module")
def measured(
    waypoint_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, tuple[int, str, str]]:
    """A bundle with a measurement, the folder of its files, and how the command ended."""
    from cli_processes import auxdrive

    home = tmp_path_factory.mktemp("measured")
    bundle = Path(shutil.copytree(waypoint_bundle, home / "bundle"))
    (home / "gate.yaml").write_text("p99_ms: 0.000001\nmissed: 1000\n")
    ended = auxdrive(
        "bench", bundle, *ONE, *BRIEFLY, "--gate", home / "gate.yaml",
        "--attach", "--out", home / "out",
    )  # fmt: skip
    return bundle, home / "out", (ended.returncode, ended.stdout, ended.stderr)


Measured = tuple[Path, Path, tuple[int, str, str]]


def test_it_prints_tables_and_a_missed_gate_ends_with_1(measured: Measured) -> None:
    _, _, (code, out, err) = measured
    assert code == 1
    for words in (
        "from a frame to its command, ms",
        "jitter",
        "beside the bare session",
        "fresh processes; a loop at 10 Hz",
        "CPUExecutionProvider",
        "SHA-256 of the card",
    ):
        assert words in out  # fmt: skip
    assert "gate.yaml: 1 limit(s) are missed:" in err
    assert "onnxruntime:cpu: p99_ms is " in err
    assert "the limit is 1e-06" in err


def test_it_writes_the_result_and_a_page(measured: Measured) -> None:
    bundle, out, _ = measured
    report = parse_model((out / "bench.json").read_bytes(), BenchReport, "bench.json")
    assert report.bundle_sha256 == Bundle.open(bundle).card_sha256
    page = (out / "bench.html").read_text(encoding="utf-8")
    for words in (
        "From a frame to its command, ms",
        "The median of each round",
        "onnxruntime:cpu",
        report.bundle_sha256,
        "Content-Security-Policy",
    ):
        assert words in page  # fmt: skip
    assert page.count('<svg xmlns="http://www.w3.org/2000/svg" class="chart"') == 3
    assert "<script" not in page


def test_what_is_kept_with_a_bundle_changes_nothing_of_it(
    measured: Measured, waypoint_bundle: Path, run: Run
) -> None:
    bundle, _, _ = measured
    opened, before = Bundle.open(bundle), Bundle.open(waypoint_bundle)
    assert opened.card_sha256 == before.card_sha256
    assert opened.passed_over == ("bench",)
    report = verify_bundle(bundle, expect_sha256=before.card_sha256)
    assert report.passed
    assert report.passed_over == ("bench",)
    code, out, err = run("inspect", bundle)
    assert (code, err) == (0, "")
    assert "no hash of the card covers this" in out
    assert "from a frame to its command, ms" in out
    (kept,) = json.loads(run("inspect", bundle, "--json")[1])["measured"]
    assert kept["bundle_sha256"] == before.card_sha256
    assert json.loads(run("inspect", waypoint_bundle, "--json")[1])["measured"] == []


def test_a_measurement_of_another_bundle_or_a_damaged_one_is_told(
    measured: Measured, steering_bundle: Path, tmp_path: Path, run: Run
) -> None:
    bundle = Path(shutil.copytree(steering_bundle, tmp_path / "b"))
    shutil.copytree(measured[0] / "bench", bundle / "bench")
    (bundle / "bench" / "x.json").write_text('{"format": "auxdrive-bench-1"}')
    (bundle / "bench" / "y.json").symlink_to(bundle / "card.json")
    summary = json.loads(run("inspect", bundle, "--json")[1])
    assert (summary["measured"], summary["broken"]) == ([], [])
    doubts = "\n".join(summary["doubts"])
    assert "bench/x.json is not valid" in doubts
    assert "y.json: is a symbolic link" in doubts
    assert "is of another bundle" in doubts
    assert len(summary["doubts"]) == 3
    assert Bundle.open(bundle).passed_over == ("bench",)


def test_a_link_in_the_place_of_measurements_is_not_followed(
    measured: Measured, steering_bundle: Path, tmp_path: Path, run: Run
) -> None:
    bundle = Path(shutil.copytree(steering_bundle, tmp_path / "b"))
    (bundle / "bench").symlink_to(measured[0] / "bench")
    assert attached(bundle) == ([], ["bench: a link, which is not followed"])
    code, _, err = run("bench", bundle, *ONE, *BRIEFLY, "--attach")
    assert code == 2
    assert "is a link; remove it" in err


def test_a_card_names_no_measurement(steering_bundle: Path) -> None:
    card = json.loads((steering_bundle / "card.json").read_text())
    card["files"]["bench/result.json"] = "0" * 64
    with pytest.raises(BundleError, match=r"'bench/result\.json' has a name that is passed over"):
        parse_card(json.dumps(card).encode(), "card.json")


def test_another_measurement_of_the_machine_takes_the_place(measured: Measured, run: Run) -> None:
    bundle, _, _ = measured
    (before,) = attached(bundle)[0]
    code, out, err = run("bench", bundle, *ONE, *BRIEFLY, "--attach", "--json")
    assert code == 0, err
    (after,) = attached(bundle)[0]
    assert after == parse_model(out.encode(), BenchReport, "--json")
    assert after.time >= before.time
    assert machine_name(after) == machine_name(before)
    other = after.model_copy(update={"machine": {**after.machine, "processor": "Other/../CPU"}})
    assert machine_name(other).startswith("other-cpu-")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--cpus", "one"), "--cpus one: give numbers of processors"),
        (("--runtime", "onnxruntime:cpu:spining=true"), "Did you mean 'spinning'"),
        (("--runtime", "onnxruntme"), "Did you mean 'onnxruntime'"),
        (("--gate", "nowhere.json"), "nowhere.json: no such file"),
        (("--out", "card.json"), "--out card.json: is a file"),
    ],
)
def test_mistakes_are_told_before_anything_is_measured(
    steering_bundle: Path, run: Run, monkeypatch: pytest.MonkeyPatch, options: object, told: str
) -> None:
    monkeypatch.chdir(steering_bundle)
    code, out, err = run("bench", ".", *options)  # type: ignore[misc]
    assert (code, out) == (2, "")
    assert told in err


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write anywhere")
def test_a_bundle_that_may_not_be_written_into_is_told_first(
    steering_bundle: Path, tmp_path: Path, run: Run
) -> None:
    bundle = Path(shutil.copytree(steering_bundle, tmp_path / "b"))
    bundle.chmod(0o500)
    code, _, err = run("bench", bundle, *ONE, "--attach")
    bundle.chmod(0o700)
    assert code == 2
    assert "measure a copy of it" in err


def test_the_page_needs_an_extra_which_is_named(
    steering_bundle: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import auxdrive.extras

    monkeypatch.setattr(auxdrive.extras, "find_spec", lambda name: None)
    code, _, err = run("bench", steering_bundle, *ONE, "--out", tmp_path / "out")
    assert code == 2
    assert "`auxdrive bench` needs the extra 'train'" in err
    assert not (tmp_path / "out").exists()
