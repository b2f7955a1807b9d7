"""What the suite `carla` found, as one file that a user with a server can send."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

HOST, PORT, FILE = "CARLA_HOST", "CARLA_PORT", "CARLA_REPORT"
DEFAULT_FILE, DEFAULT_PORT = "carla_report.json", 2000
MARK = "carla"


def server_of_the_user() -> tuple[str, int] | None:
    """Host and port of the server that the environment names; None for the test server."""
    host = os.environ.get(HOST)
    return (host, int(os.environ.get(PORT, DEFAULT_PORT))) if host else None


@dataclass(eq=False)  # pytest keeps its plugins in a set
class CarlaReport:
    """A pytest plugin: collects outcomes, and what tests have measured (`record_property`), of the
    tests that are marked `carla`.
    """

    tests: list[dict[str, Any]] = field(default_factory=list)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Any:
        """Note how a test went.

        Args:
            item: the test.
            call: one of its phases.
        """
        report = yield
        if item.get_closest_marker(MARK) and (report.when == "call" or not report.passed):
            self.tests.append(
                {
                    "test": item.name,
                    "outcome": report.outcome,
                    "seconds": round(call.duration, 2),
                    "measured": dict(item.user_properties),
                    **({} if report.passed else {"why": str(report.longrepr)[-4000:]}),
                }
            )
        return report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the file.

        Args:
            session: that is over.
        """
        if not self.tests or server_of_the_user() is None:
            return
        file = Path(os.environ.get(FILE, DEFAULT_FILE)).absolute()
        told = {
            "auxdrive": version("auxdrive"),
            "carla": version("carla"),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "tests": self.tests,
        }
        file.write_text(json.dumps(told, indent=2) + "\n")
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"\nthe file to send: {file}")
