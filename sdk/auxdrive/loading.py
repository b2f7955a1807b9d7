"""Opens a bundle and loads one of its graphs into a runtime, for `auxdrive.Predictor.load`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auxdrive.bundles import Bundle
from auxdrive.cards import ModelCard, TensorSpec
from auxdrive.checks.admission import admit
from auxdrive.errors import UsageError
from auxdrive.precisions import check_precision
from auxdrive.runtimes import (
    AUTO,
    DEFAULT_THREADS,
    RUNTIMES,
    Session,
    device_of,
    open_session,
)
from auxdrive.signatures.policy import SignaturePolicy
from auxdrive.strict import Strict

if TYPE_CHECKING:
    from auxdrive.choosing import Choice


@dataclass(frozen=True, slots=True)
class LoadedGraph:
    """A graph in a runtime.

    Attributes:
        card: of the bundle.
        session: the loaded graph, for one frame at a time.
        runtime: that it is loaded into.
        device: that it runs on.
        threads: CPU threads of one call.
        choice: what `runtime="auto"` tried and chose; None where the runtime was named.
    """

    card: ModelCard
    session: Session
    runtime: str
    device: str
    threads: int
    choice: Choice | None


def load_graph(
    bundle: str | os.PathLike[str] | Bundle,
    runtime: str,
    device: str | None,
    threads: int | None,
    *,
    expect_sha256: str | None,
    require_signature: str | os.PathLike[str] | SignaturePolicy | None,
    options: Mapping[str, Any] | Strict | None,
    precision: str,
) -> LoadedGraph:
    """Open and check a bundle and load its graph (see `auxdrive.Predictor.load`).

    Args:
        bundle: a directory or an opened bundle.
        runtime: a name in `auxdrive.RUNTIMES`, or "auto".
        device: one of the runtime's devices; None for its first.
        threads: CPU threads of one call; None for `DEFAULT_THREADS`.
        expect_sha256: the SHA-256 that the card must have; None for any.
        require_signature: whose signature the bundle must have; None for none.
        options: the runtime's own.
        precision: which of the bundle's graphs.

    Raises:
        ConfigError: as `auxdrive.Predictor.load`.
        UsageError: likewise.
        MissingExtra: likewise.
        BundleError: likewise.
        RuntimeUnavailable: likewise.
    """
    if runtime != AUTO:
        RUNTIMES[runtime]  # an unknown one is reported first, whatever is wrong with the bundle
    check_precision(precision)
    threads = _checked_threads(threads)
    opened = _opened(bundle, expect_sha256, require_signature)
    file = opened.model_file(precision)
    choice = None
    if runtime == AUTO:
        choice = _chosen(opened, precision, device, threads, options)
        runtime, device = choice.runtime, choice.device
    model, card = opened.read(file), opened.card
    admit(model, card, f"{opened.path / file}", precision)
    session = open_session(
        runtime,
        model,
        one_frame(card.inputs),
        one_frame(card.outputs),
        device,
        threads,
        options,
    )
    device = device_of(RUNTIMES[runtime], device)
    return LoadedGraph(card, session, runtime, device, threads, choice)


def _checked_threads(threads: int | None) -> int:
    threads = DEFAULT_THREADS if threads is None else threads
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise UsageError(f"threads must be a whole number, 1 or more, got {threads!r}")
    return threads


def _opened(
    bundle: str | os.PathLike[str] | Bundle,
    expect_sha256: str | None,
    require_signature: str | os.PathLike[str] | SignaturePolicy | None,
) -> Bundle:
    if not isinstance(bundle, Bundle):
        bundle = Bundle.open(bundle, expect_sha256)
    elif expect_sha256 is not None:
        bundle.hold_to(expect_sha256)
    if require_signature is not None:
        from auxdrive.signatures import check  # only those who ask for it wait for the import

        check.require_signature(bundle, require_signature)
    return bundle


def one_frame(specs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Inputs or outputs with a single frame on their first axis."""
    return tuple(spec.model_copy(update={"shape": (1, *spec.shape[1:])}) for spec in specs)


def _chosen(
    bundle: Bundle, precision: str, device: str | None, threads: int, options: object
) -> Choice:
    from auxdrive.choosing import choose  # it loads predictors, to measure them

    if device is not None or options:
        what = "device" if device is not None else "options"
        raise UsageError(f'runtime "{AUTO}" chooses by itself: name a runtime to give its {what}')
    return choose(bundle, threads, precision)
