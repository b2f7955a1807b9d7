"""Finding the agent to drive: a bundle, or anything that an installed package can load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from auxdrive.agent import Agent
from auxdrive.bundles import CARD_NAME
from auxdrive.errors import AuxdriveError, UsageError
from auxdrive.precisions import FP32
from auxdrive.predictor import Predictor
from auxdrive.registry import Registry
from auxdrive.runs import run_in
from auxdrive.storage.reading import exists, is_file

AgentLoader = Callable[[Path, str], Agent | None]
AGENTS: Registry[AgentLoader] = Registry("loader of agents", "auxdrive.agents", check=callable)
"""Functions that load agents: (path, role) -> Agent, or None if the path is none of theirs."""
STUDENT = "student"


@dataclass(frozen=True, slots=True)
class AgentSource:
    """Where an agent is loaded from.

    Attributes:
        path: a bundle's directory, or whatever an entry point of `auxdrive.agents` can load. Of a
            folder of several runs it becomes the chosen one (`auxdrive.runs.run_in`).
        role: which network of a run: "student", "teacher", or another role of its method. A bundle
            holds a student.
        without: loaders to skip, as "package:name". A loader of other agents may end the process
            when it is asked.
        runtime_options: of a bundle, options of its runtime by name, in JSON's types.
        precision: of a bundle, which of its graphs runs.
        require_signature: of a bundle, the PEM file of the public key whose signature it must have;
            None for none.
    """

    path: Path
    role: str = STUDENT
    without: frozenset[str] = frozenset()
    runtime_options: Mapping[str, object] = field(default_factory=dict)
    precision: str = FP32
    require_signature: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", run_in(self.path))

    def absolute(self) -> Self:
        """The same, with paths that do not depend on the folder in which a process runs."""
        key = self.require_signature
        return replace(
            self,
            path=self.path.absolute(),
            require_signature=None if key is None else key.absolute(),
        )

    def check(self) -> None:
        """Check what can be checked without loading the agent.

        Raises:
            UsageError: the path does not exist, it is a bundle, which does not have this role, or
                it is none and has no runtime.
        """
        if not exists(self.path, UsageError):
            raise UsageError(
                f"{self.path}: no such bundle or run. `auxdrive export` makes bundles, `auxdrive "
                "train` runs"
            )
        if self._is_bundle() and self.role != STUDENT:
            raise UsageError(
                f"{self.path}: is a bundle, and a bundle holds a student; give the run to drive "
                f"its {self.role}"
            )
        if self.precision != FP32 and not self._is_bundle():
            raise UsageError(
                f"{self.path}: is no bundle, and only a bundle holds other precisions: leave out "
                f"'{self.precision}'"
            )
        if self.runtime_options and not self._is_bundle():
            raise UsageError(
                f"{self.path}: is no bundle, and only a bundle runs in a runtime that has options: "
                f"leave out {', '.join(self.runtime_options)}"
            )

        if self.require_signature is not None and not self._is_bundle():
            raise UsageError(
                f"{self.path}: is no bundle, and only a bundle is signed: leave out the key "
                f"{self.require_signature}"
            )

    def _is_bundle(self) -> bool:
        return is_file(self.path / CARD_NAME, UsageError)

    def load(self, asking: Callable[[str], None] = lambda _: None) -> Agent:
        """Load the agent. It computes with one thread, so that a route's result does not depend on
        how many processes share the machine.

        A loader that cannot be imported, or that fails, matters only if no other one can load the
        path.

        Args:
            asking: called with each loader, as "package:name", before it is imported and asked.

        Raises:
            UsageError: see `check`, or no loader can load the path.
            BundleError: the bundle is damaged, or lacks the signature that is asked for.
            Exception: what a loader raised, if no loader gave an agent.
        """
        self.check()
        if self._is_bundle():
            return Predictor.load(
                self.path,
                threads=1,
                require_signature=self.require_signature,
                options=self.runtime_options,
                precision=self.precision,
            )
        broken: list[str] = []
        failures: list[tuple[str, BaseException]] = []
        for offer in AGENTS.offers():
            if (loader_name := f"{offer.package}:{offer.name}") in self.without:
                continue
            asking(loader_name)
            try:
                loader = offer.load()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module, perhaps of another agent
                broken.append(str(error))
                continue
            try:
                agent = loader(self.path, self.role)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the same
                failures.append((offer.name, error))
                continue
            if agent is not None:
                return agent
        if failures:
            raise _worst(failures)
        nobody = (
            f"{self.path}: is neither a bundle (no {CARD_NAME}) nor anything that an installed "
            "package can drive"
        )
        unasked = f". Not all packages could be asked: {'; '.join(broken)}" if broken else ""
        raise UsageError(f"{nobody}{unasked}")


def _worst(failures: list[tuple[str, BaseException]]) -> BaseException:
    """The failure that explains most: one that is worded for the user, else the first. The others
    are added to it as notes.
    """
    chosen = next(
        (error for _, error in failures if isinstance(error, AuxdriveError)), failures[0][1]
    )
    for name, error in failures:
        if error is not chosen:
            chosen.add_note(
                f"(the loader '{name}' failed as well: {type(error).__name__}: {error})"
            )
    return chosen
