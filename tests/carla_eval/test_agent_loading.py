"""Which package loads an agent, and agents that are refused before they drive."""

from __future__ import annotations

from pathlib import Path

import pytest
from auxdrive.errors import UsageError
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.limits import AgentLimits
from auxdrive_eval.driving.agents.remote import AgentFailed, RemoteAgent
from auxdrive_eval.driving.runner import not_driven
from auxdrive_eval.route import Route
from strange_agents import agent_folder
from strange_drives import LIMITS, RULES

pytestmark = pytest.mark.usefixtures("agents_package")


@pytest.mark.parametrize("breakdown", ["os._exit(9)", "time.sleep(600)"])
def test_a_loader_of_another_agent_that_ends_the_process_or_hangs_is_passed_over(
    breakdown: str, agents_package: Path, tmp_path: Path
) -> None:
    points = agents_package / "strange_agents-0.1.dist-info/entry_points.txt"
    points.write_text(points.read_text() + "also = breaks_down:load\n")
    (agents_package / "breaks_down.py").write_text(f"import os, time\n{breakdown}\n")
    agent = RemoteAgent(AgentSource(agent_folder(tmp_path, "goal")), AgentLimits(setup_s=4.0))
    assert agent.description.name == "strange"
    assert agent.source.without == {"strange-agents:also"}
    agent.close()
    (tmp_path / "goal/agent.txt").unlink()  # the reason, if no other loader takes it
    nobody = RemoteAgent(AgentSource(tmp_path / "goal"), AgentLimits(setup_s=4.0))
    with pytest.raises(
        AgentFailed,
        match="its process ended with exit code 9"
        if "exit" in breakdown
        else "no reply within 4 s",
    ):
        nobody.begin(0)


def test_where_nobody_loads_it_the_broken_loaders_are_named(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    said = (
        r"nor anything that an installed package can drive\. "
        r"Not all packages could be asked: 'aaa' of the package 'strange-agents' cannot"
    )
    with pytest.raises(UsageError, match=said):
        AgentSource(tmp_path / "other").load()


def test_an_agent_that_calls_itself_another_is_not_driven(
    tmp_path: Path, short_routes: tuple[Route, ...]
) -> None:
    source = AgentSource(agent_folder(tmp_path, "goal"))
    agent = RemoteAgent(source, LIMITS)
    described = agent.description
    agent.close()
    other = RemoteAgent(source, LIMITS, described.model_copy(update={"name": "another"}))
    with pytest.raises(
        AgentFailed, match="not the agent that the evaluation began with: name was another"
    ) as failed:
        other.begin(0)
    result = not_driven(short_routes[0], failed.value, rules=RULES)
    assert result.record.status == "Failed - Agent couldn't be set up"


def test_a_limit_is_a_number_of_seconds() -> None:
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="a number of seconds above 0"):
            AgentLimits(tick_s=wrong)
    assert AgentLimits(setup_s=float("inf")).tick_s == 60.0
