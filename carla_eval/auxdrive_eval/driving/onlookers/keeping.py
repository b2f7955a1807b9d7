"""What is kept of a drive beside its results. None of it changes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from auxdrive.extras import require_modules

from auxdrive_eval.driving.onlookers.base import Onlooker
from auxdrive_eval.driving.onlookers.decisions import Decisions
from auxdrive_eval.driving.onlookers.drive_data import DriveData, recorded_drive
from auxdrive_eval.driving.onlookers.filming import RouteVideo
from auxdrive_eval.driving.onlookers.record_settings import RecordOptions
from auxdrive_eval.driving.onlookers.recording import RouteRecorder
from auxdrive_eval.driving.settings import EvaluationSettings
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.capabilities import Foreseeing


@dataclass(frozen=True, slots=True)
class KeepOptions:
    """What a user wants to be kept of a drive beside its results.

    Attributes:
        record: the data set into which it is recorded; None for none.
        video: whether each drive of a route is filmed.
        rerun: whether each drive becomes a Rerun recording.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_eval import (
        ...     DriverSource, KeepOptions, RecordOptions, SimulatorSettings, drive_all,
        ...     make_simulator,
        ... )
        >>> settings = SimulatorSettings(options={"traffic": 0})
        >>> simulator = make_simulator(settings, sensors=False)
        >>> whole = simulator.random_route(1000)
        >>> route = simulator.plan(whole.town, [tuple(whole.points[0]), tuple(whole.points[40])])
        >>> keep = KeepOptions(record=RecordOptions(Path("recorded_drive")))
        >>> _ = drive_all([route], DriverSource(None), settings, Path("drives/kept"), keep=keep)
        >>> sorted(path.name for path in Path("recorded_drive").iterdir())[1:]
        ['dataset.json', 'episodes', 'record.json']
    """

    record: RecordOptions | None = None
    video: bool = False
    rerun: bool = False


KEEP_NOTHING = KeepOptions()


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept of each drive. It can be sent to another process.

    Attributes:
        data: the data set into which the drives are recorded; None for none.
        video: whether each is filmed.
        rerun: whether each becomes a Rerun recording.
    """

    data: DriveData | None = None
    video: bool = False
    rerun: bool = False

    def onlookers(self, simulator: Simulator, route: Route, index: int) -> tuple[Onlooker, ...]:
        """Who looks on at one drive; what was decided is always kept.

        Args:
            simulator: in which the route is driven.
            route: that is driven.
            index: number of the drive among all, from 0.
        """
        found: list[Onlooker] = [Decisions()]
        if not isinstance(simulator, Foreseeing):  # `auxdrive diagnose` cannot drive it again
            from auxdrive_eval.diagnosis.repeats.log import FactsLog

            found.append(FactsLog(simulator, route))
        if self.data is not None:
            found.append(RouteRecorder(self.data, simulator, route, index))
        if self.video:
            found.append(RouteVideo(simulator))
        if self.rerun:
            from auxdrive_eval.driving.onlookers.rerun_file import (
                RouteRerun,  # rerun, of the extra 'viz'
            )

            found.append(RouteRerun(simulator, route, index))
        return tuple(found)

    def require(self) -> None:
        """Check that this machine has what is needed.

        Raises:
            ModuleNotFoundError: it lacks PyAV, which videos need, or rerun.
        """
        require_modules(*["av"] * self.video, *["rerun"] * self.rerun)

    def found(self, done: Mapping[int, StoredRoute]) -> None:
        """Say what is not kept of the drives that were finished before.

        Args:
            done: these drives by their numbers.
        """
        if self.data is not None:
            self.data.note_unrecorded(done)

    def elsewhere(self) -> Keeping:
        """The same for workers on other machines, whose episodes come back with their drives."""
        data = None if self.data is None else replace(self.data, elsewhere=True)
        return replace(self, data=data)

    def take(self, driven: StoredRoute) -> StoredRoute:
        """Put in its place what came with a drive of a worker on another machine.

        Args:
            driven: the drive, before it is stored.

        Returns:
            The drive with that alone which is stored beside its result.

        Raises:
            DataError: the disk cannot be written.
        """
        if self.data is None:
            return driven
        beside = self.data.take(driven.record.index, driven.beside)
        return driven.model_copy(update={"beside": beside})

    def stored(self) -> None:
        """A drive has been stored: what tells of all of them is written anew."""
        if self.data is not None:
            self.data.write_card()


NOTHING_KEPT = Keeping()


@contextmanager
def kept(
    options: KeepOptions, evaluation: EvaluationSettings, route_ids: Sequence[str] = ()
) -> Iterator[Keeping]:
    """Claim what is filled beside an evaluation within the `with` block.

    Args:
        options: what is kept.
        evaluation: that is driven; its simulator has the driver's camera.
        route_ids: of its routes, which name their conditions.

    Raises:
        ModuleNotFoundError: PyAV, which videos need, or rerun is not installed.
        UsageError: a folder holds something else, or was begun with other settings; or what is to
            be kept is not possible.
    """
    keeping = Keeping(None, options.video, options.rerun)
    keeping.require()
    if options.record is None:
        yield keeping
        return
    with recorded_drive(options.record, evaluation, route_ids) as data:
        yield replace(keeping, data=data)
