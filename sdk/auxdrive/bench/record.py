"""What a measurement gives, as it is stored: `bench.json`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from auxdrive.bench.subjects import BenchSubject
from auxdrive.strict import Strict


class BenchSettings(Strict):
    """How a bundle is measured.

    Attributes:
        calls: of each runtime, counted ones.
        rounds: in how many turns these are made.
        warm_up: calls that are not counted, after loading; a tenth of them begin each round.
        threads: CPU threads of one call.
        cpus: processors to stay on; None for the last ones that may be used, one for each thread;
            none at all where nothing is to be pinned.
        rate_hz: of the camera in the loop; None for the card's.
        loop_s: how long the loop runs, in seconds; 0 for no loop.
        cold_starts: fresh processes of each runtime; 0 for none, and then no memory is known.
        energy_s: over how many seconds energy is measured, where there is a meter.
        controller: that drives, a name in `auxdrive.controllers.CONTROLLERS`; None for the task's.
        envelope: whether a safety envelope holds the controller, where the card says the wheelbase.
        timeout_s: after which a runtime is given up that is loading or in the middle of a round.

    Examples:
        >>> from auxdrive import BenchSettings
        >>> BenchSettings(calls=5000, cpus=(3,)).rounds
        20
    """

    calls: int = Field(default=1000, ge=1, le=10_000_000)
    rounds: int = Field(default=20, ge=1, le=10_000)
    warm_up: int = Field(default=50, ge=0)
    threads: int = Field(default=1, ge=1)
    cpus: tuple[int, ...] | None = None
    rate_hz: float | None = Field(default=None, gt=0, le=1000)
    loop_s: float = Field(default=5.0, ge=0, le=86_400)
    cold_starts: int = Field(default=5, ge=0, le=1000)
    energy_s: float = Field(default=2.0, ge=0)
    controller: str | None = None
    envelope: bool = True
    timeout_s: float = Field(default=300.0, gt=0)


class Latency(Strict):
    """Times of many calls, in milliseconds.

    Attributes:
        calls: how many.
        p50_ms: the median.
        p90_ms: 90 of 100 calls were done by then.
        p99_ms: 99 of 100.
        p99_9_ms: 999 of 1,000; None with fewer calls than that.
        worst_ms: all of them.
        mean_ms: the mean.
        std_ms: the standard deviation, of the calls.
        jitter_ms: p99 less p50.
        curve_ms: the times at the shares of `auxdrive.bench.figures.SHARES`, and the worst.
        rounds_p50_ms: the median of each round.
    """

    calls: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p99_9_ms: float | None
    worst_ms: float
    mean_ms: float
    std_ms: float
    jitter_ms: float
    curve_ms: tuple[float, ...] = ()
    rounds_p50_ms: tuple[float, ...] = ()


class Overhead(Strict):
    """What predictor, controller and safety envelope take beyond the bare session, which copies
    frame and ego inputs into its buffers (a large frame is read where it lies) and runs the graph.
    Both are called in turn on the same frames, with the same session.

    Attributes:
        p50_ratio: of the medians.
        p99_ratio: of the 99th percentiles.
        p50_us: the median of the differences frame by frame, in microseconds.
    """

    p50_ratio: float
    p99_ratio: float
    p50_us: float


class ColdStart(Strict):
    """From the import to the first `Control`, in fresh processes, in seconds.

    Attributes:
        processes: how many.
        seconds: the median.
        least_s: of the fastest.
        most_s: of the slowest.
        first_s: of the first process: its files may not have been in memory, and what a runtime
            builds once was built then.
        import_s: the median time of the imports alone.
        load_s: the median time of opening, checking and loading the bundle, warm-up included.
        interpreter_s: the median time from starting the process, Python's own start included.
    """

    processes: int
    seconds: float
    least_s: float
    most_s: float
    first_s: float
    import_s: float
    load_s: float
    interpreter_s: float


class Loop(Strict):
    """Driving at the camera's rate: each frame is there at its time, and its command must be there
    before the next frame. The newest frame is always the one that is taken.

    Attributes:
        rate_hz: of the camera.
        frames: how many came.
        missed: of how many the command came too late or never.
        missed_asleep: of how many it would have been in time, had the process been woken in time.
        p50_ms: from the time of a frame to its command, the median.
        p99_ms: 99 of 100.
        worst_ms: all of them.
        woken_p99_ms: from the time of a frame until the process was woken, 99 of 100.
        woken_worst_ms: all of them.
    """

    rate_hz: float
    frames: int
    missed: int
    missed_asleep: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    woken_p99_ms: float
    woken_worst_ms: float


class Energy(Strict):
    """What a call used, of all that the machine's meters count, idle parts and others included.

    Attributes:
        joules_per_call: of each meter, by its name; of calls without a pause.
        idle_w: what each meter counted in watts before anything was measured.
        why_not: why others, or none, could be read.
    """

    joules_per_call: dict[str, float] = Field(default={})
    idle_w: dict[str, float] = Field(default={})
    why_not: tuple[str, ...] = ()


class Exactness(Strict):
    """How far the predictions are from the reference predictions of the bundle.

    Attributes:
        worst: the largest difference.
        limit: that the card allows.
        unit: of both.
    """

    worst: float
    limit: float
    unit: str


class BenchRow(Strict):
    """What was measured of a runtime on a device with some options. What was not measured is None.

    Attributes:
        subject: the runtime, its device and its options.
        state: "measured"; "absent" where it cannot be used here; "wrong" where its predictions
            differ from the reference by more than the card allows; "failed" where it crashed, hung
            or ended with an error.
        why: the reason for a state that is not "measured".
        providers: what executes the graph, in the runtime's own words.
        pinned: the processors that its process stays on.
        not_pinned: why it stays on none.
        latency: from a frame in memory to a `Control`.
        bare: of the session alone.
        overhead: of the first over the second.
        preempted: how often its process lost the processor to others in counted rounds.
        cold_start: in fresh processes.
        memory_mib: the most that a fresh process held, resident, after some calls; the median.
        loop: at the camera's rate.
        energy: of a call.
        exactness: of its predictions.
    """

    subject: BenchSubject
    state: Literal["measured", "absent", "wrong", "failed"] = "measured"
    why: str = ""
    providers: tuple[str, ...] = ()
    pinned: tuple[int, ...] = ()
    not_pinned: str = ""
    latency: Latency | None = None
    bare: Latency | None = None
    overhead: Overhead | None = None
    preempted: int | None = None
    cold_start: ColdStart | None = None
    memory_mib: float | None = None
    loop: Loop | None = None
    energy: Energy | None = None
    exactness: Exactness | None = None


class OtherLoad(Strict):
    """What others did on this machine, in processors that they kept busy; None where the system
    does not tell.

    Attributes:
        before: in the second before anything was measured.
        during: while it was measured.
        after: in the second after it.
        stolen: that the host of a virtual machine gave to others, while it was measured.
        average: of processes that wanted a processor in the minute before.
    """

    before: float | None
    during: float | None
    after: float | None
    stolen: float | None
    average: float | None


class BenchReport(Strict):
    """How long a bundle's model takes on a machine.

    Attributes:
        format: the version of the file format.
        auxdrive: the version that measured.
        time: when it began (UTC, ISO 8601).
        bundle: the card's name.
        bundle_sha256: the SHA-256 of the bundle's card.
        camera: width and height of a frame, in pixels.
        path: what was timed, in words.
        settings: how it was measured.
        machine: it, its runtimes and their versions.
        frequency: how the processors' frequency is set; empty where the system does not tell.
        others: what else the machine did.
        noise: a sentence for each reason not to trust the times; none on a quiet machine.
        rows: one for each runtime, device and set of options.

    Examples:
        >>> from auxdrive import bench_bundle
        >>> brief = {"calls": 20, "rounds": 2, "loop_s": 0.2, "cold_starts": 1, "energy_s": 0}
        >>> report = bench_bundle("bundle", ["onnxruntime:cpu"], brief)
        >>> [row.subject.name for row in report.rows]
        ['onnxruntime:cpu']
        >>> report.rows[0].latency.p50_ms <= report.rows[0].latency.p99_ms
        True
    """

    format: Literal["auxdrive-bench-1"] = "auxdrive-bench-1"
    auxdrive: str
    time: str
    bundle: str
    bundle_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    camera: tuple[int, int]
    path: str
    settings: BenchSettings
    machine: dict[str, Any]
    frequency: dict[str, str]
    others: OtherLoad
    noise: tuple[str, ...]
    rows: tuple[BenchRow, ...] = Field(min_length=1)
