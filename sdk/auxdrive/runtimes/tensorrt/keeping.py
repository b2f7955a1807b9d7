"""Engines that are kept between processes. An engine fits one GPU, driver and version of TensorRT,
so each is stored with all that it was built for, and is built again where anything differs.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from auxdrive.errors import DataError
from auxdrive.storage.claims import changed
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import exists, make_folder, read_bytes, reason
from auxdrive.storage.user_cache import user_cache
from auxdrive.strict import Strict, dump_json, parse_model

_LOG = logging.getLogger(__name__)
_MAGIC = b"auxdrive-engine-1\n"
_LARGEST_BYTES = 1 << 32
_LARGEST_HEADER = 1 << 16


class BuiltFor(Strict):
    """What an engine was built for. Another one is needed where any of it differs.

    Attributes:
        package: "tensorrt" or "tensorrt_rtx".
        version: of the package.
        gpu: the GPU's name, or the targets.
        capability: the GPU's compute capability, such as "8.9".
        driver: the version of NVIDIA's driver and of the CUDA that it supports.
        graph_sha256: of the graph's bytes, which also decide the precision.
        tf32: whether float32 may be multiplied as TF32.
    """

    package: str
    version: str
    gpu: str
    capability: str
    driver: str
    graph_sha256: str
    tf32: bool

    @property
    def name(self) -> str:
        """A file name of its own for each graph and setting on each GPU. It leaves out versions, so
        that a new version's engine takes the place of the old one.
        """
        what = self.model_dump(include={"package", "gpu", "graph_sha256", "tf32"})
        return hashlib.sha256(dump_json(what)).hexdigest()[:32]


class _Header(Strict):
    built_for: BuiltFor
    engine_sha256: str


class EngineStore:
    """A folder of engines and timing caches.

    Args:
        folder: None for the user's cache folder.

    Raises:
        DataError: the folder cannot be made, or others may write into it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is None:
            folder = user_cache("engines")
        else:
            make_folder(folder)
        self.folder = folder

    def engine(
        self, wanted: BuiltFor, build: Callable[[bytes], tuple[bytes, bytes]]
    ) -> tuple[bytes, bool]:
        """The engine, from its file or built and stored. Where several processes need the same one
        at once, one builds it and the others wait.

        Args:
            wanted: what it must be built for.
            build: is given the stored timing cache (empty where there is none), and returns the
                engine and a newer timing cache.

        Returns:
            The engine's bytes, and whether they were built just now.
        """
        file = self.folder / f"{wanted.name}.engine"
        if (found := self._stored(file, wanted)) is not None:
            return found, False
        with self._lock(file):
            if (found := self._stored(file, wanted)) is not None:  # another process was faster
                return found, False
            _LOG.info(
                f"building a TensorRT engine for {wanted.gpu}, which takes seconds to minutes; it "
                f"is kept in {self.folder}"
            )
            timing = self.folder / f"{wanted.package}-{wanted.version}.timing"
            engine, newer = build(self.blob(timing))
            header = _Header(built_for=wanted, engine_sha256=hashlib.sha256(engine).hexdigest())
            self.put(file, _MAGIC + header.model_dump_json().encode() + b"\n" + engine)
            if newer:
                self.put(timing, newer)
            return engine, True

    def forget(self, wanted: BuiltFor) -> None:
        """Remove an engine that TensorRT does not take."""
        (self.folder / f"{wanted.name}.engine").unlink(missing_ok=True)

    def blob(self, file: Path) -> bytes:
        """The content of a file that may be missing; then empty."""
        try:
            return read_bytes(file, _LARGEST_BYTES) if exists(file) else b""
        except DataError as error:
            _LOG.warning(f"{error}; it is made again")
            return b""

    def put(self, file: Path, data: bytes) -> None:
        """Store a file in one step. Where that fails, a warning is logged: the next process builds
        again.

        Args:
            file: in the folder.
            data: its content.
        """
        try:
            write_atomic(file, data)
        except DataError as error:
            _LOG.warning(f"{error}; the next process makes it again")

    def _stored(self, file: Path, wanted: BuiltFor) -> bytes | None:
        data = self.blob(file)
        if not data:
            return None
        line, _, engine = data.removeprefix(_MAGIC).partition(b"\n")
        if not data.startswith(_MAGIC) or len(line) > _LARGEST_HEADER:
            _LOG.info(f"{file} is of another version of auxdrive; its engine is built again")
            return None
        try:
            header = parse_model(line, _Header, str(file))
        except DataError as error:
            _LOG.warning(f"{error}; the engine is built again")
            return None
        if header.engine_sha256 != hashlib.sha256(engine).hexdigest():
            _LOG.warning(f"{file} is damaged; the engine is built again")
            return None
        old, new = header.built_for.model_dump(), wanted.model_dump()
        if differs := [changed(key, old[key], new[key]) for key in new if old[key] != new[key]]:
            _LOG.info(f"the engine is built again: {'; '.join(differs)}")
            return None
        return engine

    @contextmanager
    def _lock(self, file: Path) -> Iterator[None]:
        from filelock import FileLock

        try:
            lock = FileLock(file.with_suffix(".lock"), thread_local=False, fallback_to_soft=False)
            lock.acquire()
        except (OSError, NotImplementedError) as error:
            _LOG.warning(
                f"{self.folder}: cannot be locked ({reason(error)}); several may build at once"
            )
            yield
            return
        try:
            yield
        finally:
            lock.release()
