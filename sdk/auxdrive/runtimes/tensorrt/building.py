"""Builds TensorRT engines from graphs. Needs no GPU where the targets are named (TensorRT-RTX)."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from auxdrive.cards import TensorSpec
from auxdrive.errors import BundleError
from auxdrive.runtimes.signature import Reported, check_signature

_LOG = logging.getLogger(__name__)
_SAID_EVERY_S = 5.0
_MOST_ERRORS = 3
_BYTES = (
    ". A graph for a big camera adds up bytes first, which TensorRT does not take: write it with "
    "`auxdrive export --cast-first`"
)


def import_tensorrt(package: str) -> Any:
    """The module `tensorrt` or `tensorrt_rtx`."""
    return importlib.import_module(package)


def make_logger(trt: Any) -> Any:
    """A TensorRT logger that gives its warnings and errors to `logging`, and keeps the last errors.

    Args:
        trt: the module of TensorRT.
    """

    class Logger(trt.ILogger):  # type: ignore[misc]  # the bindings have no types
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR):
                self.errors = [*self.errors, message][-_MOST_ERRORS:]
                _LOG.debug(message)
            elif severity == trt.ILogger.Severity.WARNING:
                _LOG.debug(message)

    return Logger()


def build_engine(
    trt: Any,
    model: bytes,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    *,
    tf32: bool = False,
    targets: Sequence[str] = (),
    timing: bytes = b"",
) -> tuple[bytes, bytes]:
    """An engine for one frame at a time. The graph's own types hold (a strongly typed network): an
    fp16 or int8 engine is built from an fp16 or int8 graph.

    Args:
        trt: the module of TensorRT.
        model: the graph's bytes, ONNX.
        inputs: its inputs; all axes of their shapes are numbers.
        outputs: its outputs, likewise.
        tf32: whether float32 may be multiplied as TF32.
        targets: for TensorRT-RTX, the compute capabilities to build for, such as "SM86"; the GPU of
            this machine by default.
        timing: an earlier timing cache, which makes the building faster; may be empty.

    Returns:
        The engine's bytes, and those of the timing cache (empty where the package has none).

    Raises:
        BundleError: TensorRT refuses the graph, or it has other inputs or outputs.
        KeyboardInterrupt: it was interrupted; TensorRT has stopped building.
    """
    logger = make_logger(trt)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        errors = [str(parser.get_error(k)) for k in range(min(parser.num_errors, _MOST_ERRORS))]
        told = "; ".join(errors)
        # such as a Slice of bytes
        hint = _BYTES if "unsupported input type" in told.lower() else ""
        raise BundleError(f"{_name(trt)} does not read the graph: {told}{hint}")
    check_signature("input", _reported(trt, network, inputs=True), inputs)
    check_signature("output", _reported(trt, network, inputs=False), outputs)
    config = builder.create_builder_config()
    _set(trt, config, builder, inputs, tf32, targets)
    # TensorRT-RTX times nothing: it compiles kernels where the engine runs.
    times = not hasattr(config, "num_compute_capabilities")
    if times:
        cache = config.create_timing_cache(timing)
        config.set_timing_cache(cache, ignore_mismatch=False)
    progress = _progress(trt)
    config.progress_monitor = progress
    begin_s = time.monotonic()
    built = builder.build_serialized_network(network, config)
    if progress.interrupted is not None:
        raise progress.interrupted
    if built is None:
        told = "; ".join(logger.errors) or "it gives no reason"
        raise BundleError(f"{_name(trt)} builds no engine from the graph: {told}")
    _LOG.info(f"the TensorRT engine took {time.monotonic() - begin_s:.1f} s")
    return bytes(built), bytes(config.get_timing_cache().serialize()) if times else b""


def _set(
    trt: Any,
    config: Any,
    builder: Any,
    inputs: Sequence[TensorSpec],
    tf32: bool,
    targets: Sequence[str],
) -> None:
    if not tf32:  # TensorRT's default is to use it
        config.clear_flag(trt.BuilderFlag.TF32)
    profile = builder.create_optimization_profile()
    for spec in inputs:
        shape = tuple(int(axis) for axis in spec.shape)
        profile.set_shape(spec.name, shape, shape, shape)
    config.add_optimization_profile(profile)
    if targets:
        config.num_compute_capabilities = len(targets)
        for place, target in enumerate(targets):
            config.set_compute_capability(getattr(trt.ComputeCapability, target), place)


def _reported(trt: Any, network: Any, *, inputs: bool) -> dict[str, Reported]:
    names = {trt.uint8: "uint8", trt.float32: "float32", trt.int64: "int64"}
    tensors = (
        [network.get_input(k) for k in range(network.num_inputs)]
        if inputs
        else [network.get_output(k) for k in range(network.num_outputs)]
    )
    return {
        each.name: Reported(
            names.get(each.dtype, str(each.dtype)),
            tuple(None if axis < 0 else axis for axis in each.shape),
        )
        for each in tensors
    }


def _progress(trt: Any) -> Any:
    """A progress monitor that logs how far the building is, and ends it when it is interrupted."""

    class Progress(trt.IProgressMonitor):  # type: ignore[misc]  # the bindings have no types
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.interrupted: BaseException | None = None
            self._lock = threading.Lock()  # TensorRT calls from several threads
            self._steps: dict[str, int] = {}
            self._said_s = time.monotonic()

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:  # noqa: ARG002
            with self._lock:
                self._steps[phase] = steps

        def phase_finish(self, phase: str) -> None:
            with self._lock:
                self._steps.pop(phase, None)

        def step_complete(self, phase: str, step: int) -> bool:
            try:
                with self._lock:
                    now_s, steps = time.monotonic(), self._steps.get(phase, 0)
                    if now_s - self._said_s >= _SAID_EVERY_S:
                        self._said_s = now_s
                        _LOG.info(f"the TensorRT engine: {phase.lower()}, {step + 1} of {steps}")
            except BaseException as error:  # noqa: BLE001  # native code cannot pass it on
                self.interrupted = error
            return self.interrupted is None

    return Progress()


def _name(trt: Any) -> str:
    return f"{trt.__name__} {trt.__version__}"
