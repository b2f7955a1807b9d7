"""Runtimes: what executes a verified graph. One file and one row each; `Predictor.load`, the
command line and `auxdrive doctor` know what stands in the table.

A runtime's file imports the package that executes only where it opens a session or is probed, so
that naming a runtime takes no time and a broken package breaks nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from auxdrive.registry import Registry, instance_of

# A command's help asks for the names alone: whatever takes time is imported where it is needed.
if TYPE_CHECKING:
    from auxdrive.cards import TensorSpec
    from auxdrive.strict import Strict
    from auxdrive.types import AnyArray

DEFAULT_RUNTIME = "onnxruntime"


class Session(Protocol):
    """A loaded graph with its buffers. The caller writes into `inputs`, calls `run`, and reads
    `outputs`: the same arrays each time, so that a call allocates nothing of an image's size.
    """

    @property
    def inputs(self) -> Mapping[str, AnyArray]:
        """Name -> buffer to write into."""

    @property
    def outputs(self) -> Mapping[str, AnyArray]:
        """Name -> buffer to read from."""

    @property
    def providers(self) -> tuple[str, ...]:
        """What executes it, in the runtime's own words; says after the fact that it is what was
        asked for.
        """

    def run(self, deadline_s: float | None = None) -> None:
        """Compute `outputs` from `inputs`; a run that is not done after `deadline_s` is ended and
        raises `RuntimeFailure`.
        """

    def close(self) -> None:
        """Release the graph; `run` may not be called any more."""


# (graph, inputs, outputs, device, threads) -> Session; shapes hold numbers alone.


class OpenSession(Protocol):
    """Loads a graph and makes its buffers."""

    def __call__(
        self,
        model: bytes,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        device: str,
        threads: int,
        options: Any,
    ) -> Session:
        """A session for a graph, with exactly what was asked for; nothing else is chosen.

        Args:
            model: the graph's bytes, ONNX.
            inputs: its inputs; their shapes hold numbers alone.
            outputs: its outputs, likewise.
            device: one of the runtime's `devices`.
            threads: CPU threads of one call.
            options: an object of the runtime's `options_type`.

        Raises:
            BundleError: the runtime refuses the graph, or it has other inputs or outputs.
            RuntimeUnavailable: the device cannot be had here.
            ImportError: the package is not installed, or does not start.
        """


@dataclass(frozen=True, slots=True)
class RuntimeSpec:
    """What a name in `RUNTIMES` stands for.

    Attributes:
        name: as in the table.
        open: loads a graph.
        devices: what it may run on, by name ("cpu", "cuda").
        package: the name under which the package that executes is imported.
        extra: the extra of auxdrive that brings this package; empty where the base install or the
            runtime's own package does.
        probe: what the package says of itself on this machine, as JSON: "version", and under
            "devices" for each device why it cannot be had (empty where it can). `auxdrive doctor`
            calls it in a process of its own, which a broken package may take down.
        options_type: the runtime's own options.
        distributions: the distributions that bring the package, where their names differ from it;
            of several one alone may be installed.
    """

    name: str
    open: OpenSession
    devices: tuple[str, ...]
    package: str
    extra: str
    probe: Callable[[], Mapping[str, Any]]
    options_type: type[Strict]
    distributions: tuple[str, ...] = ()


RUNTIMES: Registry[RuntimeSpec] = Registry(
    "runtime",
    "auxdrive.runtimes",
    {DEFAULT_RUNTIME: "auxdrive.runtimes.onnx_runtime:ONNX_RUNTIME"},
    check=instance_of("auxdrive.runtimes:RuntimeSpec"),
)


def open_session(
    runtime: str,
    model: bytes,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    device: str = "cpu",
    threads: int = 1,
    options: Mapping[str, Any] | Strict | None = None,
) -> Session:
    """Load a graph into the runtime of that name (see `OpenSession`).

    Args:
        runtime: a name in `RUNTIMES`.
        model: the graph's bytes, ONNX.
        inputs: its inputs; their shapes hold numbers alone.
        outputs: its outputs, likewise.
        device: one of the runtime's devices.
        threads: CPU threads of one call.
        options: values of the runtime's `options_type`, or an object of it.

    Raises:
        UsageError: no such runtime or device; the message names the nearest.
        ConfigError: wrong options, all of them named.
        RuntimeUnavailable: the runtime's package or the device cannot be had here.
        BundleError: the runtime refuses the graph, or it has other inputs or outputs.
    """
    from auxdrive.errors import RuntimeUnavailable, UsageError, unknown_name

    spec = RUNTIMES[runtime]
    if device not in spec.devices:
        raise UsageError(
            f"runtime '{runtime}': {unknown_name('device', str(device), spec.devices)}"
        )
    checked = _checked(spec, options)
    try:
        return spec.open(model, inputs, outputs, device, threads, checked)
    except ImportError as error:
        wanted = f"'auxdrive[{spec.extra}]'" if spec.extra else spec.package
        raise RuntimeUnavailable(
            f"the runtime '{runtime}' needs {spec.package}, which cannot be imported: {error}. "
            f"Install it: pip install {wanted}"
        ) from error


def _checked(spec: RuntimeSpec, options: Mapping[str, Any] | Strict | None) -> Strict:
    from pydantic import ValidationError

    from auxdrive.errors import ConfigError
    from auxdrive.strict import mistakes_of

    if isinstance(options, spec.options_type):
        return options
    try:
        return spec.options_type.model_validate({} if options is None else options)
    except ValidationError as error:
        mistakes = "; ".join(mistakes_of(error, spec.options_type, whole="options"))
        raise ConfigError(f"runtime '{spec.name}': {mistakes}") from None
