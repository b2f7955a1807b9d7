"""A student is put beside the expert: it is loaded, identified, and its camera becomes that of the
recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from auxdrive.errors import UsageError
from auxdrive.machine.jobs import Workers

from auxdrive_eval.collecting.settings import CollectSettings, StudentSettings
from auxdrive_eval.driving.agents.remote import AgentFailed, RemoteAgent
from auxdrive_eval.driving.following import check_controller
from auxdrive_eval.driving.make_driver import MakeDriver
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.driving.stored.driver_identity import DriverIdentity, identify


@dataclass(frozen=True, slots=True)
class Student:
    """Who shall drive beside the expert.

    Attributes:
        source: where it is loaded from, and its controller.
        mix: the probability, 0 to 1, with which the expert drives a stretch. At 1 the expert drives
            alone, and the student is not looked at.
        ahead: whether it is recorded where the expert would be from each frame on, which the task
            `waypoints` learns from; without, recording is nearly twice as fast.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_eval import DriverSource, Student
        >>> from auxdrive_eval.driving.agents import AgentSource
        >>> student = Student(DriverSource(AgentSource(Path("runs/baseline"))), mix=0.3)
        >>> student.is_asked
        True
    """

    source: DriverSource
    mix: float = 0.0
    ahead: bool = True

    @property
    def is_asked(self) -> bool:
        """Whether it drives at all."""
        return self.source.agent is not None and self.mix < 1


@contextmanager
def seated(
    student: Student | None, settings: CollectSettings, out: Path, workers: Workers
) -> Iterator[tuple[CollectSettings, MakeDriver | None]]:
    """Load the student within the `with` block.

    Args:
        student: None where the expert drives alone.
        settings: of the recording.
        out: its folder, which is no part of the student.
        workers: who record.

    Yields:
        The settings with the student's identity and camera, and what makes it in a worker; None
        where the expert drives alone.

    Raises:
        UsageError: there is no such student, it cannot be set up, or `mix` is no probability.
        AuxdriveError: it is refused by its loader.
    """
    if student is not None and not 0 <= student.mix <= 1:
        raise UsageError(f"mix is the probability that the expert drives, 0 to 1: {student.mix}")
    if student is None or not student.is_asked:
        yield settings, None
        return
    source, agent_source = student.source, student.source.agent
    assert agent_source is not None
    agent_source.check()
    agent = RemoteAgent(agent_source, source.limits)
    try:
        described = agent.description
        check_controller(described, source.controller)
        identity = identify(agent_source, described.fingerprint, (), out, DriverIdentity())
        who = StudentSettings(
            name=agent_source.path.resolve().name,
            sha256=identity.sha256,
            role=agent_source.role,
            controller=source.controller,
            mix=student.mix,
            ahead=student.ahead,
        )
        simulator = settings.simulator.with_camera(described.camera)
        theirs = settings.model_copy(update={"simulator": simulator, "student": who})
        made = MakeDriver(source, described).with_agent(agent, workers, identity.files)
        yield theirs, made
    except AgentFailed as failed:
        if failed.own is not None:
            raise failed.own from failed
        raise UsageError(f"{agent_source.path} cannot be set up: {failed.text}") from failed
    finally:
        agent.close()
