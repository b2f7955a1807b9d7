"""Gates of `auxdrive bench`: files of limits, what is held to them, and what a miss says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from auxdrive import BenchGate, BenchReport, BenchSettings, BenchSubject
from auxdrive.bench.figures import latency_of, loop_of
from auxdrive.bench.limits import FIGURES, Limits
from auxdrive.bench.record import BenchRow, ColdStart, Energy, OtherLoad
from auxdrive.errors import ConfigError, UsageError
from numpy import arange, float64, full

COLD = dict.fromkeys(ColdStart.model_fields, 0.5) | {"processes": 1}


def row(name: str, state: str = "measured", **other: object) -> BenchRow:
    """Times 0.01 to 10 ms, of 1,000 calls, unless it says that it is not measured."""
    runtime, device, *options = name.split(":")
    times = latency_of([arange(1, 1001, dtype=float64) / 100])
    return BenchRow(
        subject=BenchSubject(
            runtime=runtime, device=device, options=dict(each.split("=") for each in options)
        ),
        state=state,  # type: ignore[arg-type]
        why="" if state == "measured" else "for a reason",
        latency=None if state in ("absent", "failed") else times,
        cold_start=ColdStart.model_validate(COLD),
        memory_mib=100.0,
        loop=loop_of(10.0, full(5, 200.0), full(5, 0.0)),
        energy=Energy(why_not=("there is no meter",)),
        **other,  # type: ignore[arg-type]
    )


def report(*rows: BenchRow) -> BenchReport:
    nothing = OtherLoad(before=None, during=None, after=None, stolen=None, average=None)
    return BenchReport(
        auxdrive="0", time="now", bundle="b", bundle_sha256="0" * 64, camera=(1, 1), path="",
        settings=BenchSettings(), machine={}, frequency={}, others=nothing, noise=(), rows=rows,
    )  # fmt: skip


def test_every_figure_may_have_a_limit() -> None:
    assert set(FIGURES) == set(Limits.model_fields)


def test_what_is_missed_and_by_how_much() -> None:
    gate = BenchGate.parse({"p50_ms": 6, "p99_ms": 5, "memory_mib": 100, "missed": 0})
    assert gate.misses(report(row("a:cpu"))) == [
        "a:cpu: p99_ms is 9.9, the limit is 5, 98 % more",
        "a:cpu: missed is 5, the limit is 0",
    ]
    assert BenchGate.parse({"p99_ms": 9.91, "cold_start_s": 1}).misses(report(row("a:cpu"))) == []


def test_a_runtime_may_have_limits_of_its_own_and_the_longest_name_counts() -> None:
    rows = report(row("a:cpu"), row("a:cpu:precision=bf16"), row("b:cpu"))
    gate = BenchGate.parse(
        {"p99_ms": 5, "runtimes": {"a": {"p99_ms": 20}, "a:cpu:precision=bf16": {"p99_ms": 9}}}
    )
    assert gate.misses(rows) == [
        "a:cpu:precision=bf16: p99_ms is 9.9, the limit is 9, 10 % more",
        "b:cpu: p99_ms is 9.9, the limit is 5, 98 % more",
    ]


@pytest.mark.parametrize("state", ["absent", "wrong"])
def test_what_is_not_here_or_wrong_is_passed_over_unless_it_is_named(state: str) -> None:
    rows = report(row("a:cpu"), row("b:cpu", state))
    wide = {"p99_ms": 20}
    assert BenchGate.parse(wide).misses(rows) == []
    told = [f"b:cpu: {state}: for a reason"]
    assert BenchGate.parse(wide).misses(rows, ["b"]) == told
    assert BenchGate.parse({**wide, "runtimes": {"b": wide}}).misses(rows) == told
    assert BenchGate.parse(wide).misses(report(row("b:cpu", state))) == [
        "no runtime was held to a limit: none could be measured"
    ]


def test_what_failed_misses_and_what_is_not_measured_too() -> None:
    rows = report(row("a:cpu", "failed"))
    assert BenchGate.parse({"p99_ms": 20}).misses(rows) == ["a:cpu: failed: for a reason"]
    sound = report(row("a:cpu"))
    assert BenchGate.parse({"energy_mj": 1}).misses(sound) == [
        "a:cpu: energy_mj was not measured: there is no meter"
    ]
    assert BenchGate.parse({"overhead_us": 1}).misses(sound) == [
        "a:cpu: overhead_us was not measured"
    ]
    gate = BenchGate.parse({"runtimes": {"c": {"p99_ms": 1}}})
    assert gate.misses(sound) == ["c: the gate names it, and it was not measured"]


@pytest.mark.parametrize("name", ["gate.json", "gate.yaml"])
def test_a_gate_is_read_from_json_or_yaml(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(json.dumps({"p99_ms": 5, "runtimes": {"openvino": {"missed": 0}}}))
    gate = BenchGate.read(file)
    assert (gate.p99_ms, gate.runtimes["openvino"].missed) == (5, 0)
    if name.endswith("yaml"):
        file.write_text("p99_ms: 5\nruntimes:\n  openvino: {missed: 0}\n")
        assert BenchGate.read(file) == gate


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("p99: 5", "unknown key 'p99'. Did you mean 'p99_ms'"),
        ("runtimes: {openvino: {memory_mb: 5}}", "Did you mean 'memory_mib'"),
        ("p99_ms: fast", "p99_ms: must be a valid number"),
        ("p99_ms: '5'", "p99_ms: must be a valid number"),
        ("p99_ms: -1", "must be greater than 0"),
        ("{}", "holds no limit, such as p99_ms: 5"),
        ("runtimes: {openvino: {}}", "holds no limit"),
        ("5", "must hold a mapping"),
        ("a: &a 1", "anchors"),
    ],
)
def test_a_wrong_gate_says_what_is_wrong(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "gate.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        BenchGate.read(file)
    assert told in str(refused.value)
    assert str(file) in str(refused.value)


def test_without_pyyaml_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "auxdrive.strict_yaml", raising=False)
    monkeypatch.setitem(sys.modules, "yaml", None)
    file = tmp_path / "gate.yaml"
    file.write_text("p99_ms: 5")
    with pytest.raises(UsageError, match=r"Write the gate as JSON.*'auxdrive\[train\]'"):
        BenchGate.read(file)
