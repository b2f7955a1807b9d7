"""Finding what is to be driven: a bundle, or whatever an installed package knows to load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from auxdrive.agent import Agent
from auxdrive.bundles import CARD_NAME
from auxdrive.errors import AuxdriveError, UsageError
from auxdrive.predictor import Predictor
from auxdrive.registry import Registry
from auxdrive.storage.reading import exists, is_file

AgentLoader = Callable[[Path, str], Agent | None]
AGENTS: Registry[AgentLoader] = Registry("loader of agents", "auxdrive.agents", check=callable)
"""What loads agents: (path, role) -> Agent, or None where the path is none of its own."""
STUDENT = "student"


@dataclass(frozen=True, slots=True)
class AgentSource:
    """Where an agent comes from.

    Attributes:
        path: a bundle's directory, or anything that an entry point of `auxdrive.agents` knows.
        role: which network of a run: "student", "teacher", or another role of its method. A bundle
            holds a student.
        without: loaders that are not asked, as "package:name": those of other agents that end the
            process that asks them.
    """

    path: Path
    role: str = STUDENT
    without: frozenset[str] = frozenset()

    def check(self) -> None:
        """See what can be seen without loading it.

        Raises:
            UsageError: there is nothing at the path, or it is a bundle and the role is none of a
                bundle's.
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

    def _is_bundle(self) -> bool:
        return is_file(self.path / CARD_NAME, UsageError)

    def load(self, asking: Callable[[str], None] = lambda _: None) -> Agent:
        """Load the agent. One thread: so a route's result does not depend on how many workers share
        the machine.

        A loader that cannot be imported or that fails matters only if no other knows the path.

        Args:
            asking: told of each loader, as "package:name", before it is imported and asked.

        Raises:
            UsageError: see `check`, or nobody can load it. BundleError: a damaged bundle. What a
                loader raises, if none gives an agent.
        """
        self.check()
        if self._is_bundle():
            return Predictor.load(self.path, threads=1)
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
    """The failure that says most: one that is worded for the user, else the first; the others are
    noted with it.
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
