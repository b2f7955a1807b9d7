"""`auxdrive bench`: how long a bundle takes on this machine, and limits for that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import auxdrive.console as console
from auxdrive.commands.completing import one_of
from auxdrive.commands.loop_options import ControllerOption, EnvelopeOption
from auxdrive.commands.named_values import values_of
from auxdrive.commands.runtime_options import BundleArgument
from auxdrive.console import JsonOption
from auxdrive.errors import CheckFailed, UsageError
from auxdrive.precisions import FP32
from auxdrive.runtimes import DEFAULT_THREADS, RUNTIMES

if TYPE_CHECKING:
    from auxdrive.bench.record import BenchReport
    from auxdrive.bench.subjects import BenchSubject

EVERY, UNPINNED = "all", "none"
DATA_NAME, PAGE_NAME = "bench.json", "bench.html"


def bench(
    bundle: BundleArgument,
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:DEVICE[:PRECISION,OPTION=VALUE,...]]",
            help=f"What runs the graph: {', '.join(RUNTIMES)}; may be repeated (default: '{EVERY}' "
            "that are here, with every precision).",
            show_default=False,
            autocompletion=one_of((EVERY, *RUNTIMES)),
        ),
    ] = None,
    calls: Annotated[int, typer.Option(help="Calls of each that are counted.")] = 1000,
    rounds: Annotated[int, typer.Option(help="In how many turns they are made.")] = 20,
    threads: Annotated[int, typer.Option(help="CPU threads of one call.")] = DEFAULT_THREADS,
    cpus: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,...",
            help=f"Processors to stay on, or '{UNPINNED}' (default: the last ones, one for each "
            "thread).",
            show_default=False,
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            help="Frames per second of the loop (default: the card's).", show_default=False
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="How long the loop runs with each; 0 for no loop.")
    ] = 5.0,
    cold_starts: Annotated[
        int, typer.Option(help="Fresh processes of each, for cold start and memory.")
    ] = 5,
    controller: ControllerOption = None,
    envelope: EnvelopeOption = True,
    timeout: Annotated[
        float, typer.Option(help="Seconds after which one that loads or hangs is given up.")
    ] = 300.0,
    gate: Annotated[
        Path | None,
        typer.Option(
            help="A file of limits, YAML or JSON; exit code 1 where one is missed.",
            show_default=False,
        ),
    ] = None,
    attach: Annotated[
        bool,
        typer.Option(
            "--attach", help="Keep the result with the bundle; card and hashes stay as they are."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help=f"Write {DATA_NAME} and the page {PAGE_NAME} into this directory.",
            show_default=False,
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Measure how long a bundle takes here, from a frame in memory to a command, with each runtime
    and precision.
    """
    from auxdrive.bench.attached import attach as attach_to
    from auxdrive.bench.attached import check_attachable
    from auxdrive.bench.limits import BenchGate
    from auxdrive.bench.measure import bench_bundle
    from auxdrive.bundles import Bundle
    from auxdrive.commands.benching import show

    limits = None if gate is None else BenchGate.read(gate)
    named = [each for each in runtime or () if each != EVERY]
    opened = Bundle.open(bundle)
    if attach:
        check_attachable(opened)
    if out is not None:
        _check_out(out)
    settings = {
        "calls": calls,
        "rounds": rounds,
        "threads": threads,
        "cpus": _parsed_cpus(cpus),
        "rate_hz": rate,
        "loop_s": seconds,
        "cold_starts": cold_starts,
        "controller": controller,
        "envelope": envelope,
        "timeout_s": timeout,
    }
    subjects = [_parsed_subject(each) for each in named] if named else None
    report = bench_bundle(opened, subjects, settings, console.progress)
    if json_output:
        console.print_json(report.model_dump(mode="json"))
    else:
        show(report)
    for sentence in report.noise:
        console.note(f"not a quiet machine: {sentence}")
    if out is not None:
        _write(report, out)
    if attach:
        console.note(f"wrote {attach_to(opened, report)}")
    missed = [] if limits is None else limits.misses(report, named)
    if missed:
        lines = "\n".join(f"  {sentence}" for sentence in missed)
        raise CheckFailed(f"{gate}: {len(missed)} limit(s) are missed:\n{lines}")
    if limits is not None:
        console.note(f"{gate}: passed")


def _parsed_subject(text: str) -> BenchSubject | str:
    from auxdrive.bench.subjects import subject_of

    runtime, _, rest = text.partition(":")
    device, colon, options = rest.partition(":")
    if not colon:
        return text
    graph, _, others = options.partition(",")
    if "=" in graph:
        graph, others = FP32, options
    given = others.split(",") if others else None
    values = values_of(f"--runtime {text}:", given, "precision=bf16")
    return subject_of(runtime, device or None, values, graph)


def _parsed_cpus(text: str | None) -> tuple[int, ...] | None:
    if text is None or text == UNPINNED:
        return None if text is None else ()
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 0:
        raise UsageError(f"--cpus {text}: give numbers of processors, such as 2,3, or {UNPINNED}")
    return found


def _check_out(out: Path) -> None:
    """Refuse a directory that nothing can be written into, or a page that cannot be made, before
    anything is measured.

    Raises:
        UsageError: it is a file.
        ModuleNotFoundError: Jinja2 is not installed; the command line names the extra.
    """
    from auxdrive.extras import require_modules
    from auxdrive.storage.reading import exists, is_folder

    if exists(out) and not is_folder(out):
        raise UsageError(f"--out {out}: is a file; name a directory")
    require_modules("jinja2")


def _write(report: BenchReport, out: Path) -> None:
    from auxdrive.bench.page import bench_page
    from auxdrive.html.document import encoded
    from auxdrive.storage.publish import write_atomic
    from auxdrive.storage.reading import make_folder
    from auxdrive.strict import dump_json

    make_folder(out)
    files = {
        DATA_NAME: dump_json(report.model_dump(mode="json")),
        PAGE_NAME: encoded(bench_page(report)),
    }
    for name, data in files.items():
        write_atomic(out / name, data)
        console.note(f"wrote {out / name}")
