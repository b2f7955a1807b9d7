"""`bench_bundle`: what is measured of real bundles, and what one runtime that is absent, wrong,
crashes or hangs costs.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from auxdrive import BenchReport, BenchSubject, Bundle, Control, Predictor, bench_bundle
from auxdrive.bench.figures import cold_start_of, latency_of, loop_of, nines, overhead_of, shares_of
from auxdrive.bench.noise import noise_in
from auxdrive.bench.path import Drive, drive_of, driving, frames_of, whole_path
from auxdrive.bench.record import BenchRow, OtherLoad
from auxdrive.bench.subjects import all_subjects, subject_of
from auxdrive.bench.worker import BenchWorker, Order, drive_loop, make_round
from auxdrive.cards import VehicleSpec
from auxdrive.checks.parity import read_reference
from auxdrive.errors import ConfigError, RuntimeUnavailable, UsageError
from auxdrive.machine.load import last_cpus
from auxdrive.runtimes import RUNTIMES
from auxdrive.strict import dump_json, parse_model
from odd_runtimes import install_odd

BRIEF = {"calls": 21, "rounds": 4, "warm_up": 10, "loop_s": 0.3, "cold_starts": 1, "energy_s": 0.1}
ORT = BenchSubject(runtime="onnxruntime", device="cpu")
QUIET = OtherLoad(before=0.0, during=0.0, after=0.0, stolen=0.0, average=0.0)


@pytest.fixture(scope="module")
def report(waypoint_bundle: Path) -> BenchReport:
    return bench_bundle(waypoint_bundle, ["onnxruntime:cpu"], BRIEF)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_odd(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


def test_a_row_holds_every_figure(report: BenchReport, waypoint_bundle: Path) -> None:
    (row,) = report.rows
    assert (row.subject.name, row.state, row.why) == ("onnxruntime:cpu", "measured", "")
    assert row.providers == ("CPUExecutionProvider",)
    for times in (row.latency, row.bare):
        assert times is not None
        assert times.calls == 21
        assert 0 < times.p50_ms <= times.p90_ms <= times.p99_ms <= times.worst_ms
        assert times.jitter_ms == pytest.approx(times.p99_ms - times.p50_ms)
        assert times.p99_9_ms is None, "21 calls say nothing of 1 in 1,000"
        assert len(times.rounds_p50_ms) == 4
        assert len(times.curve_ms) == len(shares_of(21)) + 1
        assert list(times.curve_ms) == sorted(times.curve_ms)
    assert row.overhead is not None
    assert row.overhead.p50_ratio > 1, "the bare session is a part of the path"
    assert row.cold_start is not None
    assert row.cold_start.import_s + row.cold_start.load_s < row.cold_start.seconds
    assert row.cold_start.seconds < row.cold_start.interpreter_s
    assert row.loop is not None
    assert (row.loop.rate_hz, row.loop.frames) == (10.0, 3)
    assert row.exactness is not None
    assert row.exactness.worst <= row.exactness.limit
    assert row.energy is not None
    assert row.energy.joules_per_call or row.energy.why_not
    opened = Bundle.open(waypoint_bundle)
    assert report.bundle_sha256 == opened.card_sha256
    assert report.camera == (32, 24)
    assert report.path.endswith("by the controller 'pid' within the safety envelope")
    assert report.machine["versions"]["onnxruntime"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins nothing")
def test_its_process_stays_on_one_processor(report: BenchReport, steering_bundle: Path) -> None:
    assert report.rows[0].pinned == last_cpus(1)
    own = os.sched_getaffinity(0)
    brief = {**BRIEF, "cold_starts": 0, "loop_s": 0, "energy_s": 0, "cpus": (4095,)}
    (row,) = bench_bundle(steering_bundle, [ORT], brief).rows
    assert (row.state, row.pinned) == ("measured", ())
    assert "processors 4095 cannot be had" in row.not_pinned
    assert (row.cold_start, row.memory_mib, row.loop, row.energy) == (None, None, None, None)
    assert os.sched_getaffinity(0) == own


def test_a_report_is_stored_as_json_and_read_again(report: BenchReport) -> None:
    stored = dump_json(report.model_dump(mode="json"))
    assert parse_model(stored, BenchReport, "bench.json") == report


def test_one_that_is_wrong_or_crashes_costs_its_own_row(site: None, steering_bundle: Path) -> None:
    brief = {**BRIEF, "calls": 120, "loop_s": 0}
    report = bench_bundle(steering_bundle, ["crashes", "onnxruntime:cpu", "wrong"], brief)
    crashed, sound, wrong = report.rows
    assert crashed.state == "failed"
    assert crashed.why.startswith("round ")
    assert "its process died (signal SIGSEGV)" in crashed.why
    assert crashed.cold_start is not None, "what was measured before stays"
    assert (sound.state, sound.why) == ("measured", "")
    assert sound.latency is not None
    assert sound.latency.calls == 120
    assert wrong.state == "wrong"
    assert "differ from the reference by 57.3 deg" in wrong.why
    assert wrong.latency is not None, "how fast a wrong one is can be seen"


@pytest.mark.parametrize(
    ("cold_starts", "told"),
    [
        (1, "a fresh process: it had given no command after 2 s, and was ended"),
        (0, "loading: it was not done after 2 s, and was ended"),
    ],
)
def test_one_that_hangs_is_given_up(
    site: None, steering_bundle: Path, cold_starts: int, told: str
) -> None:
    brief = {**BRIEF, "cold_starts": cold_starts, "timeout_s": 2}
    with pytest.raises(
        RuntimeUnavailable, match=f"no runtime could be measured: hangs:cpu: {told}"
    ):
        bench_bundle(steering_bundle, ["hangs"], brief)


def test_one_that_is_absent_says_why(report: BenchReport, waypoint_bundle: Path) -> None:
    absent = [(subject, why) for subject, why in all_subjects(("onnxruntime",)) if why]
    if not absent:
        pytest.skip("this machine has every device of ONNX Runtime")
    subject, why = absent[0]
    brief = {**BRIEF, "calls": 4, "cold_starts": 0, "loop_s": 0, "energy_s": 0}
    rows = bench_bundle(waypoint_bundle, [subject.name, ORT], brief).rows
    assert [(row.subject.name, row.state) for row in rows] == [
        (subject.name, "absent"),
        ("onnxruntime:cpu", "measured"),
    ]
    assert rows[0].why == why
    with pytest.raises(RuntimeUnavailable, match=f"no runtime could be measured: {subject.name}"):
        bench_bundle(waypoint_bundle, [subject], BRIEF)


@pytest.mark.parametrize(
    ("subjects", "settings", "error", "told"),
    [
        (["onnxruntme"], {}, UsageError, "Did you mean 'onnxruntime'"),
        (["onnxruntime:cpuu"], {}, UsageError, "unknown device 'cpuu'. Did you mean 'cpu'"),
        (None, {"cals": 1}, ConfigError, "unknown key 'cals'. Did you mean 'calls'"),
        (None, {"calls": 0}, ConfigError, "calls: must be greater than or equal to 1, not 0"),
        (None, {"controller": "pidd"}, UsageError, "Did you mean 'pid'"),
    ],
)
def test_mistakes_are_told_before_anything_is_measured(
    steering_bundle: Path, subjects: object, settings: object, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told.replace(".", r"\.").replace("(", r"\(")):
        bench_bundle(steering_bundle, subjects, settings)  # type: ignore[arg-type]


def test_a_runtime_with_a_choice_of_precisions_is_measured_with_each() -> None:
    openvino = RUNTIMES["openvino"]
    names = {subject.name for subject, why in all_subjects(("openvino",)) if not why}
    if names:
        wanted = {f"openvino:cpu:precision={each}" for each in ("f32", "f16", "bf16")}
        assert wanted <= names
    assert "precision" in openvino.options_type.model_fields
    pinned = subject_of("openvino", None, {"precision": "bf16", "pin_threads": True})
    assert pinned.name == "openvino:cpu:precision=bf16,pin_threads=true"
    assert pinned.is_named("openvino")
    assert pinned.is_named("openvino:cpu")
    assert not pinned.is_named("openvino:c")
    with pytest.raises(ConfigError, match="Did you mean 'precision'"):
        subject_of("openvino", "cpu", {"precisio": "bf16"})


def in_this_process(bundle: Path) -> BenchWorker:
    sha256 = Bundle.open(bundle).card_sha256
    return BenchWorker(Order(bundle, sha256, ORT, Drive("steering", True), 1, (), 3))


def test_path_and_session_are_called_in_turn_on_the_same_frames(steering_bundle: Path) -> None:
    worker, called = in_this_process(steering_bundle), list[tuple[str, int]]()
    frames = worker.frames
    for name in ("whole", "bare"):
        real = getattr(worker, name)
        setattr(
            worker,
            name,
            lambda frame, name=name, real=real: (
                called.append((name, frames.index(frame))),
                real(frame),
            ),
        )
    made = make_round(worker, 3, 2)
    assert [len(made.whole_ms), len(made.bare_ms)] == [3, 3]
    assert called == [
        ("bare", 4), ("whole", 4), ("whole", 5), ("bare", 5),  # these warm up
        ("bare", 0), ("whole", 0), ("whole", 1), ("bare", 1), ("bare", 2), ("whole", 2),
    ]  # fmt: skip
    worker.close()


def test_the_way_to_a_command_has_an_envelope_where_it_can(waypoint_bundle: Path) -> None:
    bundle = Bundle.open(waypoint_bundle)
    card, reference = bundle.card, read_reference(bundle)
    commands = {}
    with Predictor.load(bundle) as predictor:
        for envelope in (True, False):
            drive = drive_of(card, None, envelope)
            assert (drive.controller, drive.enveloped) == ("pid", envelope)
            call = whole_path(predictor, drive)
            frames = frames_of(card, reference.images, reference.ego)
            commands[envelope] = [call(frame) for frame in frames]
    assert all(isinstance(each, Control) for each in commands[True] + commands[False])
    assert commands[True] != commands[False], "limits of acceleration and jerk"
    unknown = card.model_copy(update={"vehicle": VehicleSpec()})
    assert str(drive_of(unknown, None, True)).endswith(
        "'pid', without a safety envelope (the card says no wheelbase)"
    )
    assert driving(unknown, drive_of(unknown, None, True)) is not None
    with pytest.raises(UsageError, match="Did you mean 'pure_pursuit'"):
        driving(card, drive_of(card, "pure_pursui", True))


def test_a_loop_that_is_too_slow_takes_the_newest_frame(steering_bundle: Path) -> None:
    import time

    worker = in_this_process(steering_bundle)
    worker.whole = lambda frame: time.sleep(0.05)
    rate_hz, done_ms, woken_ms = drive_loop(worker, 100.0, 0.3)
    assert (rate_hz, len(done_ms)) == (100.0, 30)
    skipped = np.isnan(done_ms)
    assert skipped.any(), "frames that came meanwhile get no command"
    assert not skipped[0]
    assert (np.isnan(woken_ms) == skipped).all()
    assert loop_of(rate_hz, done_ms, woken_ms).missed == 30
    worker.close()


def test_numbers_of_times() -> None:
    times = np.arange(1, 2001, dtype=np.float64)
    found = latency_of([times[:1000], times[1000:]])
    assert (found.calls, found.worst_ms) == (2000, 2000)
    assert found.p50_ms == pytest.approx(1000.5)
    assert found.p99_9_ms == pytest.approx(1998.001)
    assert found.rounds_p50_ms == (500.5, 1500.5)
    assert found.curve_ms[-1] == 2000
    over = overhead_of([times[:1000] + 0.04, times[1000:] + 0.04], [times[:1000], times[1000:]])
    assert over.p50_us == pytest.approx(40)
    assert over.p50_ratio == pytest.approx(1000.54 / 1000.5)
    assert overhead_of([times * 3], [times]).p99_ratio == pytest.approx(3)
    assert nines(0.99) == pytest.approx(2)
    assert shares_of(100)[-1] == 0.99
    cold = cold_start_of([3.0, 1.0, 2.0], [0.3, 0.1, 0.2], [1, 1, 1], [4, 2, 3])
    assert (cold.first_s, cold.seconds, cold.least_s, cold.most_s) == (3, 2, 1, 3)


def test_a_deadline_is_the_next_frame_and_oversleeping_is_told_apart() -> None:
    nan = np.nan
    done = np.array([10.0, 99.9, 100.1, 130.0, nan, 40.0])  # at 10 Hz: 100 ms each
    woken = np.array([0.1, 95.0, 60.0, 0.1, nan, 0.1])
    found = loop_of(10.0, done, woken)
    assert (found.frames, found.missed, found.missed_asleep) == (6, 3, 1)
    assert (found.worst_ms, found.woken_worst_ms) == (130.0, 95.0)


def test_what_makes_times_untrustworthy(report: BenchReport) -> None:
    row = report.rows[0]
    assert row.latency is not None
    even = row.latency.model_copy(update={"rounds_p50_ms": (1.0, 1.2)})
    quiet = row.model_copy(update={"latency": even, "preempted": 0, "not_pinned": ""})
    assert list(noise_in(QUIET, [quiet, BenchRow(subject=ORT, state="failed", why="x")])) == []
    busy = QUIET.model_copy(update={"during": 0.5, "stolen": 0.1})
    uneven = even.model_copy(update={"rounds_p50_ms": (1.0, 1.5)})
    noisy = quiet.model_copy(update={"latency": uneven, "preempted": 9, "not_pinned": "why"})
    told = list(noise_in(busy, [noisy]))
    for words in ("others kept 0.50", "took 0.10", "9 times in 21", "1 and 1.5 ms", "no processor"):
        assert sum(words in sentence for sentence in told) == 1, words
    assert len(told) == 5
    unknown = OtherLoad(before=None, during=None, after=None, stolen=None, average=None)
    assert list(noise_in(unknown, [quiet])) == []
