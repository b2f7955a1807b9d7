"""The execution providers of ONNX Runtime that auxdrive uses: one row for each device."""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from auxdrive.errors import DataError, RuntimeUnavailable
from auxdrive.storage.user_cache import user_cache


@dataclass(frozen=True, slots=True)
class Provider:
    """An execution provider.

    Attributes:
        name: ONNX Runtime's.
        memory: where buffers lie that it reads without a copy of ONNX Runtime's own.
        lacking: what to install where ONNX Runtime does not have it.
        plugin: the package of a provider that is loaded into any ONNX Runtime; empty for one that
            is built in.
        after: devices of built-in providers that compute what this one cannot, except for the
            CPU's.
    """

    name: str
    memory: str
    lacking: str
    plugin: str = ""
    after: tuple[str, ...] = ()

    def options(self) -> dict[str, str]:
        """Its options: nothing is rounded to TF32, and engines and timings are kept in the user's
        cache folder.
        """
        if self.name == "CUDAExecutionProvider":
            return {"use_tf32": "0"}
        if self.name != "TensorrtExecutionProvider":
            return {}
        try:
            folder = str(user_cache("onnxruntime"))
        except DataError:  # engines are then built at every start
            return {}
        return {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": folder,
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": folder,
        }


_GPU = "install onnxruntime-gpu in the place of onnxruntime"
PROVIDERS: Mapping[str, Provider] = {
    "cpu": Provider(
        "CPUExecutionProvider",
        "cpu",
        "this ONNX Runtime has no provider for the CPU: install onnxruntime again",
    ),
    "cuda": Provider("CUDAExecutionProvider", "cuda", f"this ONNX Runtime has no CUDA: {_GPU}"),
    "tensorrt": Provider(
        "TensorrtExecutionProvider",
        "cuda",
        f"this ONNX Runtime has no TensorRT: {_GPU}, and TensorRT",
        after=("cuda",),
    ),
    "tensorrt_rtx": Provider(
        "NvTensorRTRTXExecutionProvider",
        "cpu",
        "TensorRT-RTX's plugin is missing: pip install 'auxdrive[gpu]'",
        plugin="onnxruntime_ep_nv_tensorrt_rtx",
    ),
}
"""By the name of the device of the runtime "onnxruntime"."""


def why_lacking(ort: Any, device: str) -> str:
    """Why a device cannot be used here; empty where it can.

    Args:
        ort: the module onnxruntime.
        device: a key of `PROVIDERS`.
    """
    provider = PROVIDERS[device]
    if not provider.plugin:
        return "" if provider.name in ort.get_available_providers() else provider.lacking
    try:
        return "" if plugin_devices(ort, provider) else f"{provider.name} finds no GPU here"
    except ImportError:
        return provider.lacking
    except RuntimeUnavailable as error:
        return str(error)


def plugin_devices(ort: Any, provider: Provider) -> Sequence[Any]:
    """The devices of a provider whose plugin is loaded, and loaded now if it was not.

    Args:
        ort: the module onnxruntime.
        provider: one with a plugin.

    Raises:
        ImportError: the plugin is not installed.
        RuntimeUnavailable: ONNX Runtime does not load it.
    """
    plugin = importlib.import_module(provider.plugin)
    if provider.plugin not in _LOADED:
        try:
            ort.register_execution_provider_library(provider.plugin, plugin.get_library_path())
        except Exception as error:  # ONNX Runtime's errors have no common base but Exception
            raise RuntimeUnavailable(
                f"ONNX Runtime {ort.__version__} does not load {provider.name}: {error}"
            ) from error
        _LOADED.add(provider.plugin)
    return [device for device in ort.get_ep_devices() if device.ep_name == provider.name]


_LOADED: set[str] = set()


def make_session(ort: Any, model: bytes, options: Any, device: str) -> Any:
    """An `InferenceSession` on exactly that device.

    Args:
        ort: the module onnxruntime.
        model: the graph's bytes, ONNX.
        options: the `SessionOptions`.
        device: a key of `PROVIDERS`, which is there (see `why_lacking`).

    Raises:
        RuntimeUnavailable: ONNX Runtime would use another provider.
    """
    provider = PROVIDERS[device]
    said = preload(ort) if provider.memory == "cuda" else ""
    if provider.plugin:
        options.add_provider_for_devices(list(plugin_devices(ort, provider))[:1], {})
        session = ort.InferenceSession(model, options)
    else:
        chain = (provider, *(PROVIDERS[name] for name in provider.after))
        session = ort.InferenceSession(
            model,
            options,
            providers=[each.name for each in chain],
            provider_options=[each.options() for each in chain],
        )
        session.disable_fallback()
    if session.get_providers()[0] != provider.name:
        raise RuntimeUnavailable(
            f"ONNX Runtime was asked for {provider.name} and uses "
            f"{', '.join(session.get_providers())}"
            f"{': ' + said if said else ''}; see `auxdrive doctor`"
        )
    return session


def preload(ort: Any) -> str:
    """Load the libraries of CUDA that pip installed, which the system's loader does not look for.
    Returns what ONNX Runtime says of those that it does not find.

    Args:
        ort: the module onnxruntime.
    """
    said = io.StringIO()
    with redirect_stdout(said):
        ort.preload_dlls()
    return " ".join(said.getvalue().split())
