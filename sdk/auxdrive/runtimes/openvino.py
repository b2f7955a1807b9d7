"""The runtime "openvino", for processors, integrated GPUs and NPUs of Intel and for other x86 and
Arm processors. It reads and writes its buffers in place.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, StrictBool

from auxdrive.cards import TensorSpec
from auxdrive.errors import BundleError, RuntimeFailure, RuntimeUnavailable
from auxdrive.runtimes import RuntimeSpec
from auxdrive.runtimes.forks import keep_in_children
from auxdrive.runtimes.signature import Reported, buffers, check_signature
from auxdrive.runtimes.telemetry import silence
from auxdrive.strict import Strict
from auxdrive.types import AnyArray

NAME_OF_DEVICE = {"cpu": "CPU", "gpu": "GPU", "npu": "NPU"}
_TYPES = {"u8": "uint8", "f32": "float32", "i64": "int64"}


class OpenVinoOptions(Strict):
    """The options of OpenVINO that a user may set.

    Attributes:
        precision: of the calculation. OpenVINO's own default is that of the device: a processor
            with bf16 instructions then computes in bf16, with an error of about 1 % of the output.
        pin_threads: whether each thread stays on a core of its own.
    """

    precision: Literal["f32", "f16", "bf16"] = Field(
        default="f32",
        description="precision of the calculation; f16 and bf16 are faster and less exact, and "
        "`auxdrive verify` says whether the bundle's limit holds",
    )
    pin_threads: StrictBool = Field(
        default=False,
        description="each thread stays on a core of its own: for processors that nothing else uses",
    )


class OpenVinoSession:
    """An OpenVINO inference request on arrays that live as long as it does.

    Args:
        ov: the module openvino.
        compiled: the `CompiledModel`.
        inputs: of the graph; all axes of their shapes are numbers.
        outputs: of the graph, likewise.
    """

    def __init__(
        self,
        ov: Any,
        compiled: Any,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
    ) -> None:
        self.inputs, self.outputs = buffers(inputs), buffers(outputs)
        precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.providers = tuple(
            f"{device} ({precision})" for device in compiled.get_property("EXECUTION_DEVICES")
        )
        self._request: Any = compiled.create_infer_request()
        self._tensor = ov.Tensor
        self._tensors = {
            name: ov.Tensor(array, shared_memory=True)
            for name, array in (*self.inputs.items(), *self.outputs.items())
        }
        for name, tensor in self._tensors.items():
            self._request.set_tensor(name, tensor)
        keep_in_children(self)

    def run(self, deadline_s: float | None = None) -> None:
        """Compute `outputs` from `inputs`.

        Args:
            deadline_s: after which the run is ended, between two nodes of the graph; None for no
                deadline.

        Raises:
            RuntimeFailure: OpenVINO failed or was ended; the content of `outputs` is then
                undefined.
        """
        try:
            if deadline_s is None:
                self._request.infer(None, share_inputs=True, share_outputs=True)
                return
            self._request.start_async(None, share_inputs=True)
            if self._request.wait_for(round(deadline_s * 1e3)):
                self._request.wait()  # raises what went wrong
                return
            self._request.cancel()
        except RuntimeError as error:
            raise RuntimeFailure(f"OpenVINO failed while it ran the graph: {error}") from error
        raise RuntimeFailure(
            f"the graph was not done with one frame after {deadline_s:g} s and was ended"
        )

    def run_on(self, name: str, array: AnyArray) -> None:
        """`run` with an array of the caller's in the place of a buffer (see
        `auxdrive.runtimes.ReadsInPlace`); a read-only one, which OpenVINO takes none of, is copied.

        Args:
            name: of the input.
            array: of the input's type and shape, C-contiguous.

        Raises:
            RuntimeFailure: as `run`.
        """
        if not array.flags.writeable:
            self.inputs[name][:] = array
            self.run()
            return
        try:
            self._request.set_tensor(name, self._tensor(array, shared_memory=True))
            self.run()
        finally:
            self._request.set_tensor(name, self._tensors[name])

    def close(self) -> None:
        """Release the request and the compiled graph."""
        self._request = None
        self._tensors.clear()


def open_openvino(
    model: bytes,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    device: str,
    threads: int,
    options: OpenVinoOptions,
) -> OpenVinoSession:
    """Load a graph from its bytes (see `auxdrive.runtimes.OpenSession`).

    Args:
        model: the graph's bytes, ONNX.
        inputs: its inputs; all axes of their shapes are numbers.
        outputs: its outputs, likewise.
        device: a key of `NAME_OF_DEVICE`.
        threads: CPU threads of one call.
        options: that the user may set.

    Raises:
        ImportError: OpenVINO is not installed or cannot be imported.
        RuntimeUnavailable: OpenVINO does not find the device here.
        BundleError: OpenVINO refuses the graph, or the graph has other inputs or outputs.
    """
    ov = import_openvino()
    core = ov.Core()
    wanted = NAME_OF_DEVICE[device]
    available = core.available_devices
    if not any(found.partition(".")[0] == wanted for found in available):
        raise RuntimeUnavailable(
            f"OpenVINO {_version(ov)} finds no {wanted} here (it finds "
            f"{', '.join(available) or 'no device'}). Use another device, or see `auxdrive doctor`"
        )
    try:
        graph = core.read_model(model)
    except RuntimeError as error:
        raise BundleError(f"OpenVINO {_version(ov)} does not read the graph: {error}") from error
    check_signature("input", _reported(graph.inputs), inputs)
    check_signature("output", _reported(graph.outputs), outputs)
    try:
        graph.reshape({spec.name: [int(axis) for axis in spec.shape] for spec in inputs})
        compiled = core.compile_model(graph, wanted, _settings(device, threads, options))
    except RuntimeError as error:
        raise BundleError(
            f"OpenVINO {_version(ov)} does not load the graph on {device}: {error}"
        ) from error
    return OpenVinoSession(ov, compiled, inputs, outputs)


def import_openvino() -> Any:
    """The module `openvino`, with its telemetry switched off."""
    if "openvino" not in sys.modules:
        silence()  # again, since the process may have changed after auxdrive was imported
    import openvino

    return openvino


def _settings(device: str, threads: int, options: OpenVinoOptions) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": options.precision,
    }
    if device == "cpu":
        settings["INFERENCE_NUM_THREADS"] = threads
        settings["ENABLE_CPU_PINNING"] = options.pin_threads
    return settings


def _reported(ports: Sequence[Any]) -> dict[str, Reported]:
    return {
        port.any_name: Reported(
            _TYPES.get(port.element_type.get_type_name(), port.element_type.get_type_name()),
            tuple(
                axis.get_length() if axis.is_static else None for axis in port.get_partial_shape()
            ),
        )
        for port in ports
    }


def _version(ov: Any) -> str:
    return str(ov.__version__).partition("-")[0]


def probe() -> dict[str, Any]:
    """OpenVINO's version and the devices that it finds (see `RuntimeSpec.probe`)."""
    ov = import_openvino()
    found = ov.Core().available_devices
    return {
        "version": _version(ov),
        "found": list(found),
        "devices": {
            device: ""
            if any(each.partition(".")[0] == name for each in found)
            else f"OpenVINO finds no {name} here; one needs the driver of its maker"
            for device, name in NAME_OF_DEVICE.items()
        },
    }


OPENVINO = RuntimeSpec(
    name="openvino",
    open=open_openvino,
    devices=tuple(NAME_OF_DEVICE),
    package="openvino",
    extra="openvino",
    probe=probe,
    options_type=OpenVinoOptions,
)
