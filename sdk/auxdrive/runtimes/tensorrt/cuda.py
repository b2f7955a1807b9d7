"""What the runtime needs of CUDA: pinned memory that NumPy sees, memory of the GPU, a stream, and
graphs. By NVIDIA's own `cuda.bindings`.
"""

from __future__ import annotations

import ctypes
import math
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from auxdrive.cards import TensorSpec
from auxdrive.errors import RuntimeFailure, RuntimeUnavailable
from auxdrive.runtimes.tensorrt.keeping import BuiltFor
from auxdrive.types import AnyArray

_DRIVER = Path("/proc/driver/nvidia/version")
_POLL_S = 20e-6


class Cuda:
    """The first GPU of this process, and a stream on it.

    Raises:
        ImportError: `cuda-bindings` is not installed.
        RuntimeUnavailable: there is no GPU here, or its driver is missing or too old.
    """

    def __init__(self) -> None:
        from cuda.bindings import runtime

        self._runtime: Any = runtime
        if why := why_no_gpu():
            raise RuntimeUnavailable(why)
        self.stream = int(self.do("cudaStreamCreateWithFlags", runtime.cudaStreamNonBlocking))
        self._freed: list[tuple[str, Any]] = [("cudaStreamDestroy", self.stream)]

    def do(self, name: str, *arguments: Any) -> Any:
        """Call a function of CUDA's runtime. Returns its value; a tuple where there are several.

        Args:
            name: of the function.
            arguments: of the call.

        Raises:
            RuntimeFailure: CUDA reports an error.
        """
        status, *values = getattr(self._runtime, name)(*arguments)
        if int(status) != 0:
            _, text = self._runtime.cudaGetErrorString(status)
            raise RuntimeFailure(f"{name}: {text.decode() if isinstance(text, bytes) else text}")
        return values[0] if len(values) == 1 else tuple(values)

    def pinned(self, spec: TensorSpec) -> tuple[AnyArray, int]:
        """An array of zeros in memory from which the GPU copies directly, and its address.

        Args:
            spec: its type and shape; all axes are numbers.
        """
        shape = [int(axis) for axis in spec.shape]
        size = math.prod(shape) * np.dtype(spec.dtype).itemsize
        address = int(self.do("cudaHostAlloc", size, self._runtime.cudaHostAllocDefault))

        class Memory(ctypes.c_uint8 * size):  # type: ignore[misc]  # a size of its own each time
            """A class of Python, so that its end can be watched."""

        memory = Memory.from_address(address)
        # at the end of the process CUDA may be gone already, and the memory with it
        weakref.finalize(memory, self._runtime.cudaFreeHost, address).atexit = False
        array: AnyArray = np.frombuffer(memory, spec.dtype).reshape(shape)
        array.fill(0)
        return array, address

    def memory(self, size: int) -> int:
        """The address of so many bytes on the GPU."""
        address = int(self.do("cudaMalloc", size))
        self._freed.append(("cudaFree", address))
        return address

    def copy(self, target: int, source: int, size: int, *, to_gpu: bool) -> None:
        """Copy between pinned memory and the GPU, in the stream's order.

        Args:
            target: the address to copy to.
            source: the address to copy from.
            size: in bytes.
            to_gpu: whether the target is on the GPU; else the source is.
        """
        kinds = self._runtime.cudaMemcpyKind
        kind = kinds.cudaMemcpyHostToDevice if to_gpu else kinds.cudaMemcpyDeviceToHost
        self.do("cudaMemcpyAsync", target, source, size, kind, self.stream)

    def recorded(self, work: Any) -> Any:
        """What `work()` puts into the stream, as a graph that can be launched again and again."""
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.do("cudaStreamBeginCapture", self.stream, mode)
        try:
            work()
        finally:
            graph = self.do("cudaStreamEndCapture", self.stream)
        made = self.do("cudaGraphInstantiate", graph, 0)
        self.do("cudaGraphDestroy", graph)
        self._freed.append(("cudaGraphExecDestroy", made))
        return made

    def launch(self, graph: Any) -> None:
        """Put a recorded graph into the stream."""
        self.do("cudaGraphLaunch", graph, self.stream)

    def wait(self, deadline_s: float | None = None) -> bool:
        """Wait until the stream is empty. Returns False where it is not before the deadline."""
        if deadline_s is None:
            self.do("cudaStreamSynchronize", self.stream)
            return True
        end_s = time.monotonic() + deadline_s
        not_ready = int(self._runtime.cudaError_t.cudaErrorNotReady)
        while int(self._runtime.cudaStreamQuery(self.stream)[0]) == not_ready:
            if time.monotonic() > end_s:
                return False
            time.sleep(_POLL_S)
        self.do("cudaStreamSynchronize", self.stream)  # raises what went wrong
        return True

    def close(self) -> None:
        """Free the GPU's memory, graphs and the stream. Pinned memory is freed with its array."""
        while self._freed:
            name, held = self._freed.pop()
            getattr(self._runtime, name)(held)  # a failure here has nobody to go to


def why_no_gpu() -> str:
    """Why CUDA cannot be used on this machine; empty where it can.

    Raises:
        ImportError: `cuda-bindings` is not installed.
    """
    from cuda.bindings import runtime

    status, count = runtime.cudaGetDeviceCount()
    if int(status) == 0 and count:
        return ""
    _, text = runtime.cudaGetErrorString(status)
    told = text.decode() if isinstance(text, bytes) else str(text)
    return f"CUDA finds no GPU here ({told if int(status) else 'there is none'})"


def capability() -> str:
    """The compute capability of the first GPU of this process, such as "8.9".

    Raises:
        ImportError: `cuda-bindings` is not installed.
    """
    from cuda.bindings import runtime

    found = _first_gpu(runtime)
    return f"{found.major}.{found.minor}"


def _first_gpu(runtime: Any) -> Any:
    return runtime.cudaGetDeviceProperties(0)[1]


def built_for(package: str, version: str, graph_sha256: str, *, tf32: bool) -> BuiltFor:
    """What an engine for the first GPU of this process must be built for.

    Args:
        package: the package of TensorRT.
        version: its version.
        graph_sha256: of the graph's bytes.
        tf32: whether float32 may be multiplied as TF32.
    """
    from cuda.bindings import runtime

    found = _first_gpu(runtime)
    _, supported = runtime.cudaDriverGetVersion()
    name = found.name.decode() if isinstance(found.name, bytes) else str(found.name)
    driver = f"CUDA {supported}"
    if _DRIVER.is_file():
        driver += f", {_DRIVER.read_text(encoding='utf-8', errors='replace').splitlines()[0]}"
    return BuiltFor(
        package=package,
        version=version,
        gpu=name,
        capability=f"{found.major}.{found.minor}",
        driver=driver,
        graph_sha256=graph_sha256,
        tf32=tf32,
    )
