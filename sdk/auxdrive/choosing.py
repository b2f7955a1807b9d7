"""`runtime="auto"`: the fastest runtime and device of this machine that give a bundle's reference
predictions. Each is tried and timed; the outcome is remembered for the machine and the bundle.
"""

from __future__ import annotations

import hashlib
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from auxdrive.bundles import Bundle
from auxdrive.checks.parity import Reference, compare, observations, predict_all, read_reference
from auxdrive.errors import AuxdriveError, DataError, RuntimeUnavailable
from auxdrive.machine.capabilities import loaded, runtime_devices
from auxdrive.machine.facts import installed_version, machine_facts
from auxdrive.precisions import FP32
from auxdrive.runtimes import RUNTIMES
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import exists
from auxdrive.storage.user_cache import user_cache
from auxdrive.strict import Strict, dump_json, read_model

if TYPE_CHECKING:
    from auxdrive.predictor import Predictor

_LOG = logging.getLogger(__name__)
CALLS = 200
"""How many calls are timed at most."""
TIME_S = 2.0
"""How long one runtime is timed at most."""
LEAST_CALLS = 5


class Candidate(Strict):
    """A runtime on a device, as it was tried.

    Attributes:
        runtime: its name.
        device: of the runtime.
        p50_ms: the median time of a call in milliseconds; None where it cannot be used.
        why_not: why it is not the one that was chosen; empty for that one.
    """

    runtime: str
    device: str
    p50_ms: float | None = None
    why_not: str = ""


class Choice(Strict):
    """What was chosen for a bundle on a machine.

    Attributes:
        machine: the machine, the versions of its runtimes, how many threads a call has, and the
            graph's precision.
        bundle_sha256: of the bundle's card.
        candidates: all that were tried; the chosen one is first.

    Examples:
        >>> from auxdrive import Bundle
        >>> from auxdrive.choosing import choose
        >>> choice = choose(Bundle.open("bundle"), threads=1)
        >>> choice.runtime in ("onnxruntime", "openvino")
        True
    """

    machine: dict[str, Any]
    bundle_sha256: str
    candidates: tuple[Candidate, ...] = Field(min_length=1)

    @property
    def runtime(self) -> str:
        """The name of the chosen runtime."""
        return self.candidates[0].runtime

    @property
    def device(self) -> str:
        """The device that was chosen."""
        return self.candidates[0].device


def choose(bundle: Bundle, threads: int, precision: str = FP32) -> Choice:
    """The fastest runtime and device that give the bundle's reference predictions here.

    What is remembered counts as long as the machine, the versions of the runtimes' packages and the
    bundle are the same. Nothing is remembered where the user's cache folder cannot be used.

    Args:
        bundle: an opened bundle.
        threads: CPU threads of one call.
        precision: of the graph, one that the bundle holds.

    Raises:
        RuntimeUnavailable: none can be used; the message says of each why.
        BundleError: the bundle is damaged.
    """
    machine = machine_of_runtimes(threads) | {"precision": precision}
    file = _file(machine, bundle)
    if file is not None and (known := _remembered(file, machine, bundle)) is not None:
        return known
    found = _tried(bundle, threads, precision, machine, file)
    if found[0].p50_ms is None:
        told = "; ".join(f"{each.runtime} on {each.device}: {each.why_not}" for each in found)
        raise RuntimeUnavailable(f"no runtime of this machine runs {bundle.path}: {told}")
    return _choice(machine, bundle, found)


def try_all(bundle: Bundle, threads: int, precision: str = FP32) -> tuple[Candidate, ...]:
    """Every runtime and device of this machine, as it was tried with a bundle now, the fastest
    first. `choose` remembers the outcome.

    Args:
        bundle: an opened bundle.
        threads: CPU threads of one call.
        precision: of the graph, one that the bundle holds.

    Raises:
        BundleError: the bundle is damaged.
    """
    machine = machine_of_runtimes(threads) | {"precision": precision}
    return _tried(bundle, threads, precision, machine, _file(machine, bundle))


def _tried(
    bundle: Bundle, threads: int, precision: str, machine: dict[str, Any], file: Path | None
) -> tuple[Candidate, ...]:
    reference = read_reference(bundle)
    found = [
        Candidate(runtime=name, device=device, why_not=why)
        if why
        else _measured(bundle, reference, precision, name, device, threads)
        for name, device, why in runtime_devices()
    ]
    best, *others = sorted(found, key=_p50)
    tried = (best, *(_slower(each, best) for each in others))
    for each in tried:
        _LOG.info(f"{each.runtime} on {each.device}: {each.why_not or 'chosen'}{_time(each)}")
    if file is not None and best.p50_ms is not None:
        _remember(file, _choice(machine, bundle, tried))
    return tried


def _choice(machine: dict[str, Any], bundle: Bundle, tried: tuple[Candidate, ...]) -> Choice:
    return Choice(machine=machine, bundle_sha256=bundle.card_sha256, candidates=tried)


def _measured(
    bundle: Bundle, reference: Reference, precision: str, name: str, device: str, threads: int
) -> Candidate:
    from auxdrive.predictor import Predictor  # which imports this module for `runtime="auto"`

    card, limit = bundle.card, bundle.parity(precision).limit
    try:
        with Predictor.load(bundle, name, device, threads, precision=precision) as predictor:
            parity = compare(
                card.task,
                predict_all(predictor, reference.images, reference.ego),
                reference.outputs,
            )
            if not parity.worst <= limit:
                return Candidate(
                    runtime=name,
                    device=device,
                    why_not=f"its predictions differ from the reference by {parity.worst:.3g} "
                    f"{parity.unit}; the limit is {limit:g}",
                )
            return Candidate(runtime=name, device=device, p50_ms=_timed(predictor, reference))
    except AuxdriveError as error:
        return Candidate(runtime=name, device=device, why_not=str(error))


def _timed(predictor: Predictor, reference: Reference) -> float:
    frame = next(iter(observations(predictor.card, reference.images, reference.ego)))
    times_s: list[float] = []
    end_s = time.perf_counter() + TIME_S
    while len(times_s) < CALLS and (time.perf_counter() < end_s or len(times_s) < LEAST_CALLS):
        begin_s = time.perf_counter()
        predictor.predict(frame)
        times_s.append(time.perf_counter() - begin_s)
    return float(np.median(times_s)) * 1e3


def _p50(candidate: Candidate) -> float:
    return float("inf") if candidate.p50_ms is None else candidate.p50_ms


def _slower(candidate: Candidate, best: Candidate) -> Candidate:
    if candidate.p50_ms is None:
        return candidate
    times = candidate.p50_ms / _p50(best)
    return candidate.model_copy(update={"why_not": f"it takes {times:.2f} times as long"})


def _time(candidate: Candidate) -> str:
    return "" if candidate.p50_ms is None else f" ({candidate.p50_ms:.2f} ms at the median)"


def machine_of_runtimes(threads: int) -> dict[str, Any]:
    """The machine with the versions of its runtimes and its accelerators: what a choice depends on
    beside the bundle. It takes milliseconds: no package is imported.
    """
    from auxdrive import __version__

    versions = {
        name: [
            f"{each} {installed_version(each)}" for each in spec.distributions or (spec.package,)
        ]
        for name, spec in loaded(RUNTIMES).specs.items()
    }
    accelerators = sorted(
        str(node)
        for pattern in ("nvidia[0-9]*", "dri/renderD*", "accel/accel*")
        for node in Path("/dev").glob(pattern)
    )
    return {
        **machine_facts(),
        "auxdrive": __version__,
        "threads": threads,
        "versions": versions,
        "accelerators": accelerators,
    }


def _file(machine: dict[str, Any], bundle: Bundle) -> Path | None:
    try:
        folder = user_cache("runtimes")
    except DataError as error:
        _LOG.warning(f"the chosen runtime is not remembered: {error}")
        return None
    key = hashlib.sha256(dump_json([machine, bundle.card_sha256])).hexdigest()[:32]
    return folder / f"{key}.json"


def _remembered(file: Path, machine: dict[str, Any], bundle: Bundle) -> Choice | None:
    if not exists(file):
        return None
    try:
        known = read_model(file, Choice)
    except DataError as error:
        _LOG.warning(f"{error}; runtimes are measured again")
        return None
    fits = known.machine == machine and known.bundle_sha256 == bundle.card_sha256
    return known if fits and known.runtime in RUNTIMES else None


def _remember(file: Path, choice: Choice) -> None:
    try:
        write_atomic(file, dump_json(choice.model_dump(mode="json")))
    except DataError as error:
        _LOG.warning(f"the chosen runtime is not remembered: {error}")
