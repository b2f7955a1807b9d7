"""Runs a TensorRT engine: pinned buffers, one stream, and a CUDA graph of the whole call."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from auxdrive.cards import TensorSpec
from auxdrive.errors import RuntimeFailure
from auxdrive.runtimes.forks import keep_in_children
from auxdrive.runtimes.tensorrt.cuda import Cuda
from auxdrive.types import AnyArray


class TensorRtSession:
    """An execution context with its memory. A call copies the inputs to the GPU, runs the engine
    and copies the outputs back; with a CUDA graph, that is one launch.

    Args:
        trt: the module of TensorRT.
        cuda: the GPU.
        engine: the loaded `ICudaEngine`.
        inputs: of the graph; all axes of their shapes are numbers.
        outputs: of the graph, likewise.
        jit: kernels that TensorRT-RTX compiled for this engine earlier; may be empty.
        cuda_graph: whether to record a call.
    """

    def __init__(
        self,
        trt: Any,
        cuda: Cuda,
        engine: Any,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        *,
        jit: bytes,
        cuda_graph: bool,
    ) -> None:
        self._cuda: Cuda | None = cuda
        self._kernels: Any = None
        self._context: Any = self._make_context(trt, engine, jit)
        self.inputs: dict[str, AnyArray] = {}
        self.outputs: dict[str, AnyArray] = {}
        self._copies_in: list[tuple[int, int, int]] = []
        self._copies_out: list[tuple[int, int, int]] = []
        for specs, arrays, copies in (
            (inputs, self.inputs, self._copies_in),
            (outputs, self.outputs, self._copies_out),
        ):
            for spec in specs:
                array, host = cuda.pinned(spec)
                device = cuda.memory(array.nbytes)
                arrays[spec.name] = array
                copies.append((device, host, array.nbytes))
                self._context.set_tensor_address(spec.name, device)
        for spec in inputs:
            if not self._context.set_input_shape(spec.name, self.inputs[spec.name].shape):
                raise RuntimeFailure(f"TensorRT refuses the shape of the input '{spec.name}'")
        gpu = trt.__name__.removeprefix("tensorrt_").replace("tensorrt", "TensorRT")
        self.providers = (f"{'TensorRT-RTX' if gpu == 'rtx' else gpu} {trt.__version__}",)
        self._graph: Any = None
        # The first call lets TensorRT load and compile what it needs, which cannot be recorded.
        self._enqueue()
        cuda.wait()
        if cuda_graph and self._can_be_recorded():
            self._graph = cuda.recorded(self._enqueue)
        keep_in_children(self)

    @property
    def compiled(self) -> bytes:
        """The kernels that TensorRT-RTX has compiled here; empty for TensorRT, which has none."""
        return b"" if self._kernels is None else bytes(self._kernels.serialize())

    def run(self, deadline_s: float | None = None) -> None:
        """Compute `outputs` from `inputs`.

        Args:
            deadline_s: after which waiting ends; None for no deadline. What the GPU has begun it
                ends, so the session must not be used again then.

        Raises:
            RuntimeFailure: CUDA or TensorRT failed, or was not done; the content of `outputs` is
                then undefined.
        """
        cuda = self._cuda
        assert cuda is not None, "the session is closed"
        if self._graph is None:
            self._enqueue()
        else:
            cuda.launch(self._graph)
        if not cuda.wait(deadline_s):
            raise RuntimeFailure(f"the graph was not done with one frame after {deadline_s:g} s")

    def engine_ms(self, calls: int) -> float:
        """The mean time of the engine alone in milliseconds, without copies, as trtexec counts it:
        calls put one after the other into the stream, between two waits.

        Args:
            calls: how many.
        """
        cuda = self._cuda
        assert cuda is not None, "the session is closed"
        cuda.wait()
        begin_s = perf_counter()
        for _ in range(calls):
            self._context.execute_async_v3(cuda.stream)
        cuda.wait()
        return (perf_counter() - begin_s) / calls * 1e3

    def close(self) -> None:
        """Release the engine and its memory on the GPU."""
        cuda, self._cuda = self._cuda, None
        if cuda is not None:
            self._context = self._kernels = self._graph = None
            cuda.close()

    def _make_context(self, trt: Any, engine: Any, jit: bytes) -> Any:
        if not hasattr(engine, "create_runtime_config"):  # TensorRT compiles when it builds
            return engine.create_execution_context()
        config = engine.create_runtime_config()
        if hasattr(config, "create_runtime_cache"):  # TensorRT-RTX compiles kernels here
            self._kernels = config.create_runtime_cache()
            if jit:
                self._kernels.deserialize(jit)  # kernels of another machine are not taken
            config.set_runtime_cache(self._kernels)
            strategies = trt.DynamicShapesKernelSpecializationStrategy
            config.dynamic_shapes_kernel_specialization_strategy = strategies.EAGER
        return engine.create_execution_context(config)

    def _can_be_recorded(self) -> bool:
        assert self._cuda is not None
        capturable = getattr(self._context, "is_stream_capturable", None)
        return capturable is None or bool(capturable(self._cuda.stream))

    def _enqueue(self) -> None:
        cuda = self._cuda
        assert cuda is not None
        for device, host, size in self._copies_in:
            cuda.copy(device, host, size, to_gpu=True)
        if not self._context.execute_async_v3(cuda.stream):
            raise RuntimeFailure("TensorRT failed while it ran the engine")
        for device, host, size in self._copies_out:
            cuda.copy(host, device, size, to_gpu=False)
