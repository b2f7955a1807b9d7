"""Looking at the cases of a stored drive again: by the facts that were kept, by the controls that
were kept, or with its driver.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from auxdrive.errors import UsageError

from auxdrive_eval.diagnosis.cases import Case
from auxdrive_eval.diagnosis.repeats.hands import DrivingHand, Hand, RecordedHand
from auxdrive_eval.diagnosis.repeats.log import read_facts, recalled
from auxdrive_eval.diagnosis.repeats.repeat import Repeated, Seen, repeat
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.fingerprint import fingerprint, hash_files
from auxdrive_eval.driving.agents.remote import AgentFailed
from auxdrive_eval.driving.drivers import Driver
from auxdrive_eval.driving.make_driver import MakeDriver
from auxdrive_eval.driving.onlookers.decisions import read_controls, read_predictions
from auxdrive_eval.driving.settings import DriverSource, EvaluationSettings, traffic_seed
from auxdrive_eval.driving.stored.driver_identity import DriverIdentity
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import make_simulator, require_simulator


class Repeating:
    """Looks at the cases of one drive's routes again, in one simulator.

    Args:
        path: the drive's folder.
        settings: of the drive.
        identity: what its driver consisted of.
        drivers: bundles and runs, among which the driver is looked for if it must drive again.

    Attributes:
        notes: what cannot be known, and why.
        simulator: in which it was driven, with the driver's camera.
    """

    def __init__(
        self,
        path: Path,
        settings: EvaluationSettings,
        identity: DriverIdentity,
        drivers: Sequence[Path],
    ) -> None:
        self._path, self._settings, self._drivers = path, settings, drivers
        self._identity = identity
        self.notes: list[str] = []
        self._driver: Driver | None = None
        camera = identity.camera
        self.simulator = (
            settings.simulator if camera is None else settings.simulator.with_camera(camera)
        )
        self._simulator: Simulator | None = None

    def look(
        self, route: Route, stored: StoredRoute, number: int, cases: Sequence[Case]
    ) -> tuple[Seen, ...]:
        """Look at the cases of one drive of a route: by the facts that were kept, or else by
        driving it again.

        Args:
            route: as planned.
            stored: the drive.
            number: which of the route's repeats it is.
            cases: what is looked at.

        Raises:
            UsageError: the worlds have changed since, or its driver must drive again and cannot.
        """
        facts = read_facts(stored)
        if facts is not None:
            return recalled(cases, facts, read_predictions(stored), stored)
        self._check_version()
        seed = traffic_seed(self._settings.seed, route, number)
        hand = self._hand(route, stored, seed)
        rules = RULE_SETS[self._settings.rules]
        repeated = repeat(self._made(), route, seed, hand, stored.trace, cases, rules)
        self._note(stored, repeated)
        return repeated.seen

    def close(self) -> None:
        """Release simulator and driver."""
        if self._driver is not None:
            self._driver.close()
        if self._simulator is not None:
            self._simulator.close()

    def _check_version(self) -> None:
        if self._simulator is not None:
            return
        kind, driven_in = self.simulator.kind, self._settings.simulator_version
        with closing(make_simulator(self._settings.simulator, sensors=False)) as made:
            if made.version != driven_in:
                raise UsageError(
                    f"{self._path}: was driven in version {driven_in} of the worlds of '{kind}', "
                    f"and this is version {made.version}: drive again, and diagnose that drive"
                )

    def _made(self) -> Simulator:
        if self._simulator is None:
            require_simulator(self.simulator)
            self._simulator = make_simulator(self.simulator)
        return self._simulator

    def _hand(self, route: Route, stored: StoredRoute, seed: int) -> Hand:
        controls = read_controls(stored)
        if controls is not None:
            return RecordedHand(controls, read_predictions(stored))
        if self._driver is None:
            self._driver = self._driver_again()
        try:
            if self._driver.camera is not None:
                self.simulator = self.simulator.with_camera(self._driver.camera)
            self._driver.start(route, seed)
        except AgentFailed as failed:
            raise UsageError(
                f"{self._path}: its driver cannot be set up to drive again: {failed.reason}"
            ) from failed
        return DrivingHand(self._driver)

    def _driver_again(self) -> Driver:
        """Who drove, to drive again: for drives that kept no controls."""
        settings = self._settings
        agent = None
        if settings.driver_sha256:
            agent = AgentSource(self._found(), settings.role, precision=settings.precision)
            agent.check()
        source = DriverSource(agent, settings.controller, settings.creep_after_s, settings.envelope)
        return MakeDriver(source)()

    def _found(self) -> Path:
        for path in self._drivers:
            made = self._identity.made_while_driving
            files = {name: sha for name, sha in hash_files(path).items() if name not in made}
            if fingerprint(files) == self._settings.driver_sha256:
                return path
        raise UsageError(
            f"{self._path}: kept no controls, so its driver must drive again: give the bundle or "
            f"run that drove ('{self._settings.driver}', the very same files) with --driver"
        )

    def _note(self, stored: StoredRoute, repeated: Repeated) -> None:
        if repeated.differs_at_s is not None:
            self.notes.append(
                f"routes/{stored.record.index:05d}: driven again, it is another drive from "
                f"{repeated.differs_at_s:.2f} s on (another machine or other versions of "
                "libraries?); of what comes after only the rule set's words are known"
            )
