"""The workflow of the host, read as a linter would: it runs what a clean clone runs."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
JOBS: dict[str, Any] = WORKFLOW["jobs"]
# The first majors that run on Node 24; the hosts have no Node 20 any more.
LOWEST = {"actions/checkout": 5, "actions/setup-python": 6}
each_job = pytest.mark.parametrize("job", JOBS)


def commands(job: str) -> list[str]:
    """What its steps run."""
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_it_runs_the_clean_clones_check_and_the_documentation() -> None:
    assert commands("check") == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert commands("docs") == ["make docs"]
    for target in ("check", "docs"):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "make check" in (ROOT / ".ci" / "run").read_text()


def test_it_checks_the_lowest_python_first() -> None:
    pythons = JOBS["check"]["strategy"]["matrix"]["python"]
    assert all(isinstance(python, str) for python in pythons)  # 3.10 as a number is 3.1
    numbers = [tuple(map(int, python.split("."))) for python in pythons]
    assert numbers == sorted(numbers)
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert requires == f">={pythons[0]}"
    assert JOBS["check"]["strategy"]["fail-fast"] is False


@each_job
def test_a_job_ends_holds_no_rights_and_uses_actions_that_still_run(job: str) -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert JOBS[job]["timeout-minutes"] <= 90
    assert not JOBS[job]["runs-on"].endswith("latest")
    uses = [step for step in JOBS[job]["steps"] if "uses" in step]
    for step in uses:
        action, _, version = step["uses"].partition("@")
        assert int(version.removeprefix("v")) >= LOWEST[action], step["uses"]
    (checkout,) = (step for step in uses if step["uses"].startswith("actions/checkout@"))
    assert checkout["with"]["persist-credentials"] is False


@each_job
def test_what_is_cached_is_renewed_with_what_it_depends_on(job: str) -> None:
    (python,) = (
        step for step in JOBS[job]["steps"] if step.get("uses", "").startswith("actions/setup-py")
    )
    assert python["with"]["cache"] == "pip"
    for file in python["with"]["cache-dependency-path"].split():
        assert (ROOT / file).is_file()
    assert python["with"]["python-version"] in (
        "${{ matrix.python }}",
        *JOBS["check"]["strategy"]["matrix"]["python"],
    )


def test_its_expressions_name_what_there_is() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    for expression in re.findall(r"\$\{\{(.*?)\}\}", text):
        assert re.fullmatch(
            r" (?:matrix\.python|vars\.[A-Z_]+|github\.ref(?: != 'refs/heads/main')?) ", expression
        ), expression
