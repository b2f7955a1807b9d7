"""The library logs and prints nothing; a command shows the log."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from auxdrive.console import log_shown
from auxdrive.logs import PACKAGES, level_now


@pytest.mark.parametrize("package", PACKAGES)
def test_a_command_shows_what_a_package_logs_as_long_as_it_runs(
    package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger(f"{package}.any.module")
    log.warning("before")
    with log_shown():
        log.info("%s routes", 3)
        log.debug("details")
    log.warning("after")
    assert capsys.readouterr() == ("", "3 routes\n")
    assert level_now() == logging.WARNING


def test_what_another_library_logs_is_its_own_matter(capsys: pytest.CaptureFixture[str]) -> None:
    with log_shown():
        logging.getLogger("somebody").info("hello")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_that_is_imported_as_a_library_prints_nothing(package: str) -> None:
    code = f"import logging, {package}; logging.getLogger('{package}.x').warning('nobody listens')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
