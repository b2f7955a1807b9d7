"""Runtimes: what executes a model's graph. Each is one file and one row of `RUNTIMES`, from which
`Predictor.load`, the command line and `auxdrive doctor` know it.

The file of a runtime imports the package behind it only where a session is opened or the runtime is
probed. So naming a runtime takes no time, and a broken package breaks nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from auxdrive.registry import Registry, instance_of

# The help of commands needs the names alone: what takes time to import is imported in functions.
if TYPE_CHECKING:
    from auxdrive.cards import TensorSpec
    from auxdrive.strict import Strict
    from auxdrive.types import AnyArray

DEFAULT_RUNTIME = "onnxruntime"
DEFAULT_THREADS = 1
"""CPU threads of one call by default. On a machine that is busy with other things, a second thread
waits for a processor as often as it helps: 99 of 100 calls were done after 20 ms with two threads
and after 1.3 to 8 ms with one. Give more where processors are reserved for this process.
"""
AUTO = "auto"
"""Stands for the fastest runtime of the machine, see `auxdrive.choosing`."""


class Session(Protocol):
    """A loaded graph with its buffers. The caller writes into the arrays of `inputs`, calls `run`,
    and reads those of `outputs`. They are the same arrays each time, so that a call allocates no
    memory of an image's size.
    """

    @property
    def inputs(self) -> Mapping[str, AnyArray]:
        """The buffers to write into, by the input's name; each of the input's shape."""

    @property
    def outputs(self) -> Mapping[str, AnyArray]:
        """The buffers to read from, by the output's name; each of the output's shape."""

    @property
    def providers(self) -> tuple[str, ...]:
        """What executes the graph, in the runtime's own words: it shows whether the device that was
        asked for is used.
        """

    def run(self, deadline_s: float | None = None) -> None:
        """Compute `outputs` from `inputs`.

        Args:
            deadline_s: after which the run is ended; None for no deadline.

        Raises:
            RuntimeFailure: the runtime failed, or was not done after `deadline_s`.
        """

    def close(self) -> None:
        """Release the graph. `run` must not be called afterwards."""


@runtime_checkable
class ReadsInPlace(Session, Protocol):
    """A session that can read an input where it lies, so that a large frame need not be copied."""

    def run_on(self, name: str, array: AnyArray) -> None:
        """`run` without a deadline, with an array of the caller's in the place of a buffer. It is
        not kept: the next `run` reads the buffer again.

        Args:
            name: of the input.
            array: of the input's type and shape, C-contiguous. It must not change meanwhile.

        Raises:
            RuntimeFailure: the runtime failed.
        """


class OpenSession(Protocol):
    """A function that loads a graph and makes its buffers."""

    def __call__(
        self,
        model: bytes,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        device: str,
        threads: int,
        options: Any,
    ) -> Session:
        """A session for a graph, on exactly the device that was asked for and no other.

        Args:
            model: the graph's bytes, ONNX.
            inputs: its inputs; all axes of their shapes are numbers.
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
        name: as in `RUNTIMES`.
        open: loads a graph.
        devices: what it may run on, by name ("cpu", "cuda").
        package: the name under which the package behind it is imported.
        extra: the extra of auxdrive that installs this package; empty where the base install does,
            or the package that adds the runtime.
        probe: gives values for JSON: under "version" that of the package, and under "devices" for
            each device why it cannot be used on this machine (empty where it can). `auxdrive
            doctor` calls it in a process of its own, because a broken package may crash it.
        options_type: the type of the runtime's own options.
        distributions: the distributions that bring the package, where their names differ from the
            package's; only one of several may be installed.

    Examples:
        >>> from auxdrive import RUNTIMES
        >>> RUNTIMES["onnxruntime"].devices
        ('cpu', 'cuda', 'tensorrt', 'tensorrt_rtx')
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
    {
        DEFAULT_RUNTIME: "auxdrive.runtimes.onnx_runtime:ONNX_RUNTIME",
        "openvino": "auxdrive.runtimes.openvino:OPENVINO",
        "tensorrt": "auxdrive.runtimes.tensorrt.specs:TENSORRT",
        "tensorrt_rtx": "auxdrive.runtimes.tensorrt.specs:TENSORRT_RTX",
    },
    check=instance_of("auxdrive.runtimes:RuntimeSpec"),
)


def device_of(spec: RuntimeSpec, device: str | None) -> str:
    """The device that is meant.

    Args:
        spec: the runtime.
        device: its name; None for the runtime's first.

    Raises:
        UsageError: the runtime has no such device; the message names the nearest.
    """
    from auxdrive.errors import UsageError, unknown_name

    if device is not None and device not in spec.devices:
        raise UsageError(
            f"runtime '{spec.name}': {unknown_name('device', str(device), spec.devices)}"
        )
    return spec.devices[0] if device is None else device


def open_session(
    runtime: str,
    model: bytes,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    device: str | None = None,
    threads: int = 1,
    options: Mapping[str, Any] | Strict | None = None,
) -> Session:
    """Load a graph into the runtime of that name (see `OpenSession`).

    Args:
        runtime: a name in `RUNTIMES`.
        model: the graph's bytes, ONNX.
        inputs: its inputs; all axes of their shapes are numbers.
        outputs: its outputs, likewise.
        device: one of the runtime's devices; None for its first.
        threads: CPU threads of one call.
        options: values of the runtime's own options, or an object of its `options_type`.

    Raises:
        UsageError: no such runtime or device; the message names the nearest.
        ConfigError: wrong options; the message names all of them.
        RuntimeUnavailable: the runtime's package or the device cannot be had here.
        BundleError: the runtime refuses the graph, or it has other inputs or outputs.
    """
    from auxdrive.errors import RuntimeUnavailable

    spec = RUNTIMES[runtime]
    device = device_of(spec, device)
    checked = checked_options(spec, options)
    try:
        return spec.open(model, inputs, outputs, device, threads, checked)
    except ImportError as error:
        wanted = f"'auxdrive[{spec.extra}]'" if spec.extra else spec.package
        raise RuntimeUnavailable(
            f"the runtime '{runtime}' needs {spec.package}, which cannot be imported: {error}. "
            f"Install it: pip install {wanted}"
        ) from error


def checked_options(spec: RuntimeSpec, options: Mapping[str, Any] | Strict | None) -> Strict:
    """A runtime's options, by its own type of them.

    Args:
        spec: of the runtime.
        options: values by name, or an object of the runtime's `options_type`; None stands for the
            defaults.

    Raises:
        ConfigError: wrong options; the message names all of them.
    """
    from auxdrive.checks import options as named

    if isinstance(options, spec.options_type):
        return options
    what = f"runtime '{spec.name}'"
    return named.checked_options(named.given_options(options, what), spec.options_type, what)
