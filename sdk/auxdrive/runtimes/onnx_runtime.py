"""The runtime "onnxruntime". It binds its buffers once, uses exactly the provider that was asked
for, and sends nothing anywhere. No other module imports ONNX Runtime.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from threading import Event, Timer
from typing import Any

from pydantic import Field, StrictBool

from auxdrive.cards import TensorSpec
from auxdrive.errors import BundleError, RuntimeFailure, RuntimeUnavailable
from auxdrive.runtimes import RuntimeSpec
from auxdrive.runtimes.forks import keep_in_children
from auxdrive.runtimes.onnx_providers import PROVIDERS, make_session, why_lacking
from auxdrive.runtimes.signature import Reported, buffers, check_signature
from auxdrive.runtimes.telemetry import silence
from auxdrive.runtimes.unsigned import with_unsigned_maps
from auxdrive.strict import Strict
from auxdrive.types import AnyArray

_TYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32", "tensor(int64)": "int64"}


class OnnxRuntimeOptions(Strict):
    """The options of ONNX Runtime that a user may set. They change no output.

    Attributes:
        spinning: whether the threads of a call spin while they wait for work, which saves latency
            and costs processor time.
    """

    spinning: StrictBool = Field(
        default=True,
        description="threads wait for work within a call by spinning, which saves latency and "
        "costs processor time",
    )


class OnnxRuntimeSession:
    """An `onnxruntime.InferenceSession` with an IO binding to arrays that live as long as it does.

    Args:
        ort: the module onnxruntime.
        session: the `InferenceSession`.
        inputs: of the graph; all axes of their shapes are numbers.
        outputs: of the graph, likewise.
        memory: where the inputs lie that it reads without a copy of its own, "cpu" or "cuda".
    """

    def __init__(
        self,
        ort: Any,
        session: Any,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        memory: str,
    ) -> None:
        self.providers = tuple(session.get_providers())
        self.inputs: dict[str, AnyArray] = buffers(inputs)
        self.outputs: dict[str, AnyArray] = buffers(outputs)
        self._binding = session.io_binding()
        # On the CPU an OrtValue is a view of the array. On another device it is a copy, which is
        # refreshed before each run.
        self._view = ort.OrtValue.ortvalue_from_numpy
        self._bound: dict[str, Any] = {}
        self._device_inputs: dict[str, AnyArray] = {}
        for name, array in self.inputs.items():
            self._bound[name] = self._view(array, memory, 0)
            self._binding.bind_ortvalue_input(name, self._bound[name])
            if memory != "cpu":
                self._device_inputs[name] = array
        for name, array in self.outputs.items():
            self._binding.bind_ortvalue_output(
                name, ort.OrtValue.ortvalue_from_numpy(array, "cpu", 0)
            )
        self._session: Any = session
        keep_in_children(self)

    def run(self, deadline_s: float | None = None) -> None:
        """Compute `outputs` from `inputs`.

        Args:
            deadline_s: after which the run is ended, between two nodes of the graph; None for no
                deadline.

        Raises:
            RuntimeFailure: ONNX Runtime failed or was ended; the content of `outputs` is then
                undefined.
        """
        try:
            for name, array in self._device_inputs.items():
                self._bound[name].update_inplace(array)
            if deadline_s is None:
                self._session.run_with_iobinding(self._binding)
            else:
                self._run_within(deadline_s)
        except RuntimeFailure:
            raise
        except Exception as error:  # ONNX Runtime's errors have no common base but Exception
            if _raised_by_handler(error):
                raise
            raise RuntimeFailure(f"ONNX Runtime failed while it ran the graph: {error}") from error

    def run_on(self, name: str, array: AnyArray) -> None:
        """`run` with an array of the caller's in the place of a buffer (see
        `auxdrive.runtimes.ReadsInPlace`).

        Args:
            name: of the input.
            array: of the input's type and shape, C-contiguous.

        Raises:
            RuntimeFailure: as `run`.
        """
        try:
            if name in self._device_inputs:
                self._device_inputs[name] = array
            else:
                self._binding.bind_ortvalue_input(name, self._view(array, "cpu", 0))
            self.run()
        finally:
            if name in self._device_inputs:
                self._device_inputs[name] = self.inputs[name]
            else:
                self._binding.bind_ortvalue_input(name, self._bound[name])

    def _run_within(self, deadline_s: float) -> None:
        options = import_onnxruntime().RunOptions()
        ended = Event()

        def end() -> None:
            ended.set()
            options.terminate = True

        timer = Timer(deadline_s, end)
        timer.daemon = True
        timer.start()
        try:
            self._session.run_with_iobinding(self._binding, options)
        except Exception as error:  # ONNX Runtime's errors have no common base but Exception
            if ended.is_set():
                raise RuntimeFailure(
                    f"the graph was not done with one frame after {deadline_s:g} s and was ended"
                ) from error
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        """Release the session."""
        self._binding = self._session = None
        self._bound.clear()
        self._device_inputs.clear()


def _raised_by_handler(error: Exception) -> bool:
    """Whether an exception was raised by a signal handler during the call: the last frame of its
    traceback is then neither in this module nor in ONNX Runtime.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    module = "" if last is None else last.tb_frame.f_globals.get("__name__", "")
    return not (module == __name__ or module.split(".")[0] == "onnxruntime")


def open_onnx_runtime(
    model: bytes,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    device: str,
    threads: int,
    options: OnnxRuntimeOptions,
) -> OnnxRuntimeSession:
    """Load a graph from its bytes (see `auxdrive.runtimes.OpenSession`).

    Args:
        model: the graph's bytes, ONNX.
        inputs: its inputs; all axes of their shapes are numbers.
        outputs: its outputs, likewise.
        device: a key of `PROVIDERS`.
        threads: CPU threads of one call.
        options: that the user may set.

    Raises:
        ImportError: ONNX Runtime is not installed or cannot be imported.
        RuntimeUnavailable: ONNX Runtime has no provider for the device here, or would use another.
        BundleError: ONNX Runtime refuses the graph, or the graph has other inputs or outputs.
    """
    ort = import_onnxruntime()
    provider = PROVIDERS[device]
    if why := why_lacking(ort, device):
        available = ", ".join(ort.get_available_providers())
        raise RuntimeUnavailable(
            f"ONNX Runtime {ort.__version__} has no {provider.name} here (it has {available}): "
            f"{why}. Use another device, or see `auxdrive doctor`"
        )
    if device == "cpu":
        model = with_unsigned_maps(model)
    try:
        session = make_session(ort, model, session_options(ort, threads, options), device)
    except RuntimeUnavailable:
        raise
    except Exception as error:  # ONNX Runtime's errors have no common base but Exception
        raise BundleError(
            f"ONNX Runtime {ort.__version__} does not load the graph on {device}: {error}"
        ) from error
    check_signature("input", _reported(session.get_inputs()), inputs)
    check_signature("output", _reported(session.get_outputs()), outputs)
    return OnnxRuntimeSession(ort, session, inputs, outputs, provider.memory)


def import_onnxruntime() -> Any:
    """The module `onnxruntime`, with its telemetry switched off."""
    if "onnxruntime" not in sys.modules:
        silence()  # again, since the environment may have changed after auxdrive was imported
    import onnxruntime

    return onnxruntime


def probe() -> dict[str, Any]:
    """ONNX Runtime's version, its providers, and the devices that these support (see
    `RuntimeSpec.probe`).
    """
    ort = import_onnxruntime()
    providers = ort.get_available_providers()
    return {
        "version": ort.__version__,
        "providers": providers,
        "devices": {device: why_lacking(ort, device) for device in PROVIDERS},
    }


def session_options(
    ort: Any, threads: int, options: OnnxRuntimeOptions = OnnxRuntimeOptions()
) -> Any:
    """The session options with which auxdrive runs graphs.

    Args:
        ort: the module onnxruntime.
        threads: CPU threads of one call.
        options: that the user may set.
    """
    made = ort.SessionOptions()
    made.intra_op_num_threads = threads
    made.inter_op_num_threads = 1
    made.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    made.log_severity_level = 3
    # Threads spin while a graph runs, where sleeping would cost latency, and sleep between frames,
    # where spinning would cost a core.
    made.add_session_config_entry("session.intra_op.allow_spinning", str(int(options.spinning)))
    made.add_session_config_entry("session.force_spinning_stop", "1")
    # `read_graph` checked the bytes as ONNX, so they must never be read in ONNX Runtime's own
    # format, even if they look like it.
    made.add_session_config_entry("session.load_model_format", "ONNX")
    return made


def _reported(values: Sequence[Any]) -> dict[str, Reported]:
    return {
        value.name: Reported(
            _TYPES.get(value.type, value.type),
            tuple(axis if isinstance(axis, int) else None for axis in value.shape),
        )
        for value in values
    }


ONNX_RUNTIME = RuntimeSpec(
    name="onnxruntime",
    open=open_onnx_runtime,
    devices=tuple(PROVIDERS),
    package="onnxruntime",
    extra="",
    probe=probe,
    options_type=OnnxRuntimeOptions,
    # All of these bring the same package: if pip installs several, the last one wins.
    distributions=(
        "onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml",
        "onnxruntime-qnn",
    ),
)  # fmt: skip
