"""Finding what is to be driven: a bundle, or whatever an installed package knows to load."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from auxdrive.agent import Agent
from auxdrive.bundles import CARD_NAME
from auxdrive.errors import UsageError
from auxdrive.predictor import Predictor

ENTRY_POINTS = "auxdrive.agents"
_HASHED_SUFFIXES = frozenset({".json", ".yaml", ".yml", ".safetensors", ".onnx"})


@dataclass(frozen=True, slots=True)
class AgentSource:
    """Where an agent comes from; picklable, so that every worker process can load its own.

    Attributes:
        path: a bundle's directory, or anything that an entry point of `auxdrive.agents` knows.
        role: which network of a run: "student" or "teacher". A bundle holds a student.
    """

    path: Path
    role: str = "student"

    def load(self) -> Agent:
        """Load the agent. One thread: so a route's result does not depend on how many workers share the machine.

        Raises:
            UsageError: there is nothing at the path, or nobody can load it. BundleError: a damaged bundle.
        """
        if not self.path.exists():
            raise UsageError(f"{self.path}: no such bundle or run. `auxdrive export` makes bundles, `auxdrive train` runs")
        if (self.path / CARD_NAME).is_file():
            if self.role != "student":
                raise UsageError(f"{self.path}: is a bundle, and a bundle holds a student; give the run to drive its {self.role}")
            return Predictor.load(self.path, threads=1)
        for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
            agent: Agent | None = point.load()(self.path, self.role)
            if agent is not None:
                return agent
        raise UsageError(f"{self.path}: is neither a bundle (no {CARD_NAME}) nor anything that an installed package can drive")

    def fingerprint(self) -> str:
        """SHA-256 over what the agent is made of: names and contents of its cards, configurations and weights."""
        digest = hashlib.sha256(self.role.encode())
        files = [self.path] if self.path.is_file() else sorted(self.path.rglob("*"))
        for file in files:
            if file.is_file() and file.suffix in _HASHED_SUFFIXES:
                digest.update(file.relative_to(self.path).as_posix().encode() + b"\0")
                with file.open("rb") as opened:
                    digest.update(hashlib.file_digest(opened, "sha256").digest())
        return digest.hexdigest()
