"""TensorRT without a GPU: engines are built for real by TensorRT-RTX, refused where the graph is
wrong, and kept so that they are used only where they fit.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from pathlib import Path
from types import SimpleNamespace

import bundle_factory
import pytest
from auxdrive.cards import TensorSpec
from auxdrive.errors import BundleError, DataError, RuntimeUnavailable
from auxdrive.predictor import Predictor
from auxdrive.runtimes.tensorrt.building import build_engine
from auxdrive.runtimes.tensorrt.keeping import BuiltFor, EngineStore
from auxdrive.runtimes.tensorrt.opening import why_not_taken
from auxdrive.storage.user_cache import VARIABLE, user_cache

MODEL = bundle_factory.model(1).SerializeToString()
IMAGE, STEER = (
    each.model_copy(update={"shape": (1, *each.shape[1:])})
    for each in (bundle_factory.IMAGE, bundle_factory.output("steering"))
)
WANTED = BuiltFor(
    package="tensorrt_rtx",
    version="1.7",
    gpu="A GPU",
    capability="8.9",
    driver="580",
    graph_sha256="a" * 64,
    tf32=False,
)


def built(model: bytes, inputs: list[TensorSpec], outputs: list[TensorSpec]) -> bytes:
    trt = pytest.importorskip("tensorrt_rtx", reason="needs the extra tensorrt-rtx")
    return build_engine(trt, model, inputs, outputs, targets=("SM86",))[0]


def test_an_engine_is_built_and_wrong_graphs_are_refused() -> None:
    assert len(built(MODEL, [IMAGE], [STEER])) > 1000
    for model, inputs, outputs, told in (
        (b"no graph", [IMAGE], [STEER], "does not read the graph"),
        (MODEL[: len(MODEL) // 2], [IMAGE], [STEER], "does not read the graph"),
        (MODEL, [IMAGE, bundle_factory.SPEED], [STEER], "the graph's inputs are"),
        (MODEL, [IMAGE], [STEER.model_copy(update={"name": "angle"})], "the graph's outputs are"),
        (MODEL, [IMAGE.model_copy(update={"shape": (1, 24, 40, 3)})], [STEER], "'image' is uint8"),
    ):
        with pytest.raises(BundleError, match=told):
            built(model, inputs, outputs)


def test_a_machine_without_a_gpu_is_told_and_nothing_is_kept(
    steering_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the extra tensorrt-rtx")
    cuda = pytest.importorskip("cuda.bindings.runtime", reason="needs the extra tensorrt-rtx")
    if int(cuda.cudaGetDeviceCount()[0]) == 0:
        pytest.skip("this machine has a GPU")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    with pytest.raises(RuntimeUnavailable, match="finds no GPU here"):
        Predictor.load(steering_bundle, "tensorrt_rtx", "cuda")
    assert not (tmp_path / "cache").exists()


def test_gpus_that_tensorrt_rtx_has_no_kernels_for_are_named() -> None:
    trt = pytest.importorskip("tensorrt_rtx", reason="needs the extra tensorrt-rtx")
    assert why_not_taken(trt, "8.9") == why_not_taken(trt, "12.0") == ""
    for found in ("9.0", "8.7"):
        told = why_not_taken(trt, found)
        assert f"does not take GPUs of compute capability {found} (it takes 7.5, " in told
        assert "8.9, 12.0" in told
        assert "onnxruntime on cuda" in told
    assert why_not_taken(SimpleNamespace(), "9.0") == "", "TensorRT does not say what it takes"


def test_an_engine_is_built_once_and_again_where_anything_differs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, timings = EngineStore(tmp_path / "engines"), []

    def build(timing: bytes) -> tuple[bytes, bytes]:
        timings.append(timing)
        return b"engine %d\n\x00" % len(timings), b"timing %d" % len(timings)

    assert store.engine(WANTED, build) == (b"engine 1\n\x00", True)
    assert EngineStore(tmp_path / "engines").engine(WANTED, build) == (b"engine 1\n\x00", False)
    newer = WANTED.model_copy(update={"driver": "590"})
    with caplog.at_level(logging.INFO, "auxdrive"):
        assert store.engine(newer, build) == (b"engine 2\n\x00", True)
    assert "driver was 580 and is 590" in caplog.text
    assert store.engine(WANTED, build)[1], "the old driver's engine was replaced"
    for change in ({"gpu": "Another"}, {"graph_sha256": "b" * 64}, {"tf32": True}):
        assert store.engine(WANTED.model_copy(update=change), build)[1]
    assert not store.engine(WANTED, build)[1], "engines of others lie beside it"
    assert timings[:3] == [b"", b"timing 1", b"timing 2"]
    store.forget(WANTED)
    assert store.engine(WANTED, build)[1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:10],
        lambda data: b"",
        lambda data: data.replace(b"engine 1", b"engine 7"),
        lambda data: data.replace(b"580", b"5\xff0"),
        lambda data: data.replace(b'"gpu"', b'"tpu"'),
        lambda data: b"auxdrive-engine-1\n" + b"[" * 100_000,
    ],
)
def test_a_damaged_engine_is_built_again(tmp_path: Path, damage: object) -> None:
    store = EngineStore(tmp_path)
    assert store.engine(WANTED, lambda _: (b"engine 1", b""))[1]
    (file,) = tmp_path.glob("*.engine")
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    assert store.engine(WANTED, lambda _: (b"engine 2", b"")) == (b"engine 2", True)
    assert store.engine(WANTED, lambda _: (b"engine 3", b"")) == (b"engine 2", False)


def _build_slowly(folder: Path, begin: object, told: object) -> None:
    import time

    def build(timing: bytes) -> tuple[bytes, bytes]:
        time.sleep(0.3)
        return str(os.getpid()).encode(), b""

    begin.wait()  # type: ignore[attr-defined]
    told.put(EngineStore(folder).engine(WANTED, build))  # type: ignore[attr-defined]


def test_of_processes_that_need_the_same_engine_at_once_one_builds_it(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    begin, told = spawn.Barrier(3), spawn.Queue()
    workers = [spawn.Process(target=_build_slowly, args=(tmp_path, begin, told)) for _ in range(3)]
    for worker in workers:
        worker.start()
    found = [told.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert len({engine for engine, _ in found}) == 1
    assert sum(is_new for _, is_new in found) == 1


def test_a_folder_that_cannot_be_written_loses_time_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EngineStore(tmp_path / "engines")
    (tmp_path / "engines").rmdir()
    (tmp_path / "engines").write_text("a file")
    assert store.engine(WANTED, lambda _: (b"engine", b"t")) == (b"engine", True)
    assert "the next process makes it again" in caplog.text
    monkeypatch.setenv(VARIABLE, str(tmp_path / "engines"))
    with pytest.raises(DataError, match=f"cannot be made .*{VARIABLE}"):
        EngineStore()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs POSIX rights")
def test_a_cache_that_others_may_write_into_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    folder = user_cache("engines")
    assert (folder.stat().st_mode & 0o777) == 0o700
    folder.chmod(0o777)
    with pytest.raises(DataError, match="may write into it"):
        user_cache("engines")


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"XDG_CACHE_HOME": "/x/y"}, "/x/y/auxdrive"),
        ({"XDG_CACHE_HOME": "relative"}, "{home}/.cache/auxdrive"),
        ({}, "{home}/.cache/auxdrive"),
        ({VARIABLE: "{home}/mine"}, "{home}/mine"),
    ],
)
def test_where_the_cache_lies(
    variables: dict[str, str], wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.name != "posix" or os.uname().sysname != "Linux":
        pytest.skip("the folders of Linux")
    for name in (VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(
            name, value.replace("{home}", str(tmp_path)).replace("/x/y", f"{tmp_path}/x")
        )
    monkeypatch.setenv("HOME", str(tmp_path))
    found = user_cache("engines").parent
    assert found == Path(wanted.replace("{home}", str(tmp_path)).replace("/x/y", f"{tmp_path}/x"))
