"""Opens a graph in TensorRT: takes the kept engine or builds one, and loads it on the GPU."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auxdrive.cards import TensorSpec
from auxdrive.errors import RuntimeFailure, RuntimeUnavailable
from auxdrive.runtimes.tensorrt.building import build_engine, import_tensorrt, make_logger
from auxdrive.runtimes.tensorrt.cuda import Cuda, built_for, capability, why_no_gpu
from auxdrive.runtimes.tensorrt.keeping import EngineStore
from auxdrive.runtimes.tensorrt.session import TensorRtSession
from auxdrive.runtimes.tensorrt.specs import TensorRtOptions


def open_tensorrt(
    package: str,
    model: bytes,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    options: TensorRtOptions,
) -> TensorRtSession:
    """Load a graph on the GPU (see `auxdrive.runtimes.OpenSession` for the other arguments).

    Args:
        package: "tensorrt" or "tensorrt_rtx".
        model: the graph's bytes, ONNX.
        inputs: its inputs; all axes of their shapes are numbers.
        outputs: its outputs, likewise.
        options: of the user.

    Raises:
        ImportError: the package or `cuda-bindings` is not installed.
        RuntimeUnavailable: there is no GPU, or TensorRT does not take it.
        BundleError: TensorRT refuses the graph, or it has other inputs or outputs.
        DataError: the folder of the engines cannot be used.
    """
    trt = import_tensorrt(package)
    cuda = Cuda()
    try:
        if why := why_not_taken(trt, capability()):
            raise RuntimeUnavailable(why)
        store = EngineStore(None if options.engines is None else Path(options.engines))
        wanted = built_for(
            package, str(trt.__version__), hashlib.sha256(model).hexdigest(), tf32=options.tf32
        )

        def build(timing: bytes) -> tuple[bytes, bytes]:
            return build_engine(trt, model, inputs, outputs, tf32=options.tf32, timing=timing)

        data, is_new = store.engine(wanted, build)
        runtime = trt.Runtime(make_logger(trt))
        engine = runtime.deserialize_cuda_engine(data)
        if engine is None and not is_new:  # such as one of another driver that calls itself so too
            store.forget(wanted)
            data, is_new = store.engine(wanted, build)
            engine = runtime.deserialize_cuda_engine(data)
        if engine is None:
            told = "; ".join(runtime.logger.errors) or "it gives no reason"
            raise RuntimeUnavailable(f"{package} does not load its own engine: {told}")
        kernels = store.folder / f"{wanted.name}.kernels"
        session = TensorRtSession(
            trt,
            cuda,
            engine,
            inputs,
            outputs,
            jit=store.blob(kernels),
            cuda_graph=options.cuda_graph,
        )
        compiled = session.compiled
        if compiled and compiled != store.blob(kernels):
            store.put(kernels, compiled)
        return session
    except RuntimeFailure as error:
        cuda.close()
        raise RuntimeUnavailable(f"{package} cannot use this GPU: {error}") from error
    except BaseException:
        cuda.close()
        raise


def probe(package: str) -> dict[str, Any]:
    """The package's version, and whether there is a GPU that it takes (see `RuntimeSpec.probe`)."""
    trt = import_tensorrt(package)
    why = why_no_gpu() or why_not_taken(trt, capability())
    return {"version": str(trt.__version__), "devices": {"cuda": why}}


def why_not_taken(trt: Any, found: str) -> str:
    """Why a package does not take a GPU; empty where it does, or does not say. TensorRT-RTX names
    the compute capabilities that it has kernels for: those of the RTX cards, and not of Hopper or
    Jetson Orin.

    Args:
        trt: the module of TensorRT.
        found: the GPU's compute capability, such as "9.0".
    """
    known = getattr(getattr(trt, "ComputeCapability", None), "__members__", {})
    if not known or f"SM{found.replace('.', '')}" in known:
        return ""
    numbers = sorted(int(name[2:]) for name in known if name.startswith("SM"))
    taken = ", ".join(f"{number // 10}.{number % 10}" for number in numbers)
    return (
        f"{trt.__name__} {trt.__version__} does not take GPUs of compute capability {found} "
        f"(it takes {taken}); use tensorrt, or onnxruntime on cuda"
    )
