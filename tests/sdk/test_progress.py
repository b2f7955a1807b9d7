"""How far a work is: estimates, lines where there is no terminal, a bar where there is one, and how
much is said.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from auxdrive import console
from auxdrive.cli import run
from auxdrive.console import showing
from auxdrive.console.showing import progress
from auxdrive.work import Pace, Work, duration, no_progress

ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING")
}


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 s"), (59.4, "59 s"), (59.7, "1 min"), (3569, "59 min"), (3580, "1 h 00 min"),
        (7500, "2 h 05 min"), (2 * 86400, "2 d 0 h"), (360000, "4 d 4 h"),
    ],
)  # fmt: skip
def test_times_are_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_what_is_left_comes_from_what_was_done_here() -> None:
    clock = Clock()
    pace = Pace(Work("training", "epoch", 10), clock)
    pace.found(4)
    assert pace.left_s() is None
    clock.now_s = 30.0
    pace.done(1)
    assert pace.left_s() == 150.0
    clock.now_s = 45.0
    pace.within(0.5)
    assert pace.left_s() == 135.0
    assert pace.part == 0.55


def test_a_part_of_a_unit_is_a_part_of_its_effort() -> None:
    """Half of a stage of 60 is 30 of 120, however many stages there are."""
    clock = Clock()
    pace = Pace(Work("demo", "stage", 3, effort=120.0), clock)
    pace.found(1, effort=20.0)
    clock.now_s = 15.0
    pace.within(0.5, effort=60.0)
    assert pace.part == pytest.approx(50 / 120)
    assert pace.left_s() == pytest.approx(15.0 * 70 / 30)
    pace.done(1, effort=60.0)
    assert pace.part == pytest.approx(80 / 120)


def test_between_news_the_estimate_counts_down_and_no_further_than_a_unit() -> None:
    clock = Clock()
    pace = Pace(Work("driving", "route", 3), clock)
    clock.now_s = 60.0
    pace.done(1)
    clock.now_s = 80.0
    assert pace.left_s() == 100.0
    clock.now_s = 600.0
    assert pace.left_s() == 60.0


def test_units_side_by_side_are_taken_for_half_done() -> None:
    clock = Clock()
    pace = Pace(Work("driving", "route", 9, at_once=3), clock)
    clock.now_s = 60.0
    pace.done(1)
    assert pace.left_s() == 60.0 * 7 / 2


def test_efforts_weigh_where_units_are_unlike() -> None:
    clock = Clock()
    pace = Pace(Work("demo", "stage", 3, effort=100.0), clock)
    pace.found(1, effort=20.0)
    clock.now_s = 60.0
    pace.done(1, effort=60.0)
    assert pace.left_s() == 20.0
    assert pace.part == 0.8


def test_a_pipe_gets_a_line_for_each_unit(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(Work("recording", "episode", 4)) as shown:
        shown.found(1)
        shown.found(1)
        shown.within(0.5)
        shown.done(1, "240 frames", "\x1b[2Jname")
        shown.expect(5)
        shown.done(2, "720 frames")
    out, said = capsys.readouterr()
    assert out == ""
    assert said.splitlines() == [
        "recording: 4 episodes",
        "2 of them were there already",
        "episode 3/4 · 0 s left · 240 frames · \\x1b[2Jname",
        "episode 5/5 · took 0 s · 720 frames",
    ]  # fmt: skip


def test_of_many_units_and_of_long_ones_there_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(showing.time, "monotonic", clock)
    with progress(Work("predicting", "file", 100, many=True)) as shown:
        for _ in range(100):
            clock.now_s += 1.0
            shown.done()
    counts = re.findall(r"^file (\d+)/100", capsys.readouterr().err, re.MULTILINE)
    assert counts == ["30", "60", "90", "100"]
    with progress(Work("training", "epoch", 2)) as shown:
        for step in range(100):
            clock.now_s += 1.0
            shown.within((step + 1) / 100)
        shown.done()
    assert "epoch 0/2 · 30% of the next · " in capsys.readouterr().err


def test_nobody_need_look(capsys: pytest.CaptureFixture[str]) -> None:
    with no_progress(Work("training", "epoch", 2)) as shown:
        shown.found(1)
        shown.within(0.1)
        shown.done(1, "loss", effort=1.0)
        shown.expect(3)
    assert capsys.readouterr() == ("", "")


WORKING = """
import logging, sys, time
from auxdrive import console
from auxdrive.cli import run
import auxdrive.commands.doctor as command
from auxdrive.work import Work
def doctor() -> None:
    "Works."
    with console.progress(Work("training", "epoch", 3)) as shown:
        for index in range(3):
            shown.within(0.5)
            time.sleep({pause})
            logging.getLogger("auxdrive.x").debug("a detail")
            shown.done(1, "round 1: student 1/2", "loss 0.1234", "ade_m 1.234 and so on")
command.doctor = doctor
sys.exit(run(["doctor", *sys.argv[1:]]))
"""


def at_terminal(
    columns: int, *arguments: str, pause: float = 0.4, interrupt: bool = False, **environment: str
) -> tuple[int, str]:
    """The exit code, and what standard error got, which is a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [sys.executable, "-c", code + WORKING.format(pause=pause), *arguments]
    found = b""
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=theirs,
        env={**ENVIRONMENT, "TERM": "xterm", **environment},
    ) as process:  # fmt: skip
        os.close(theirs)
        while True:
            try:
                some = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not some:
                break
            found += some
            if interrupt and b"epoch 0/3" in found:
                process.send_signal(signal.SIGINT)
                interrupt = False
    os.close(ours)
    return process.returncode, found.decode()


def drawn(said: str) -> list[str]:
    """What stood in the terminal's line at each refresh."""
    without = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    return [line for line in re.split(r"[\r\n]+", without) if line.strip()]


@pytest.mark.parametrize(
    ("columns", "encoding", "bar", "end"),
    [(40, "utf-8", "━", "…"), (40, "ascii", "-", "..."), (200, "utf-8", "━", "and so on")],
)
def test_a_terminal_gets_a_bar_that_fits(columns: int, encoding: str, bar: str, end: str) -> None:
    code, said = at_terminal(columns, PYTHONIOENCODING=encoding)
    assert code == 0
    *bars, last = drawn(said)
    assert any(bar in line and re.search(r"epoch [12]/3 . \d s left", line) for line in bars)
    assert all(len(line) <= columns for line in bars)
    assert any(line.endswith(end) for line in bars)
    assert last.startswith("training: epoch 3/3")
    assert "\\u" not in said
    assert said.endswith("\r\n")
    assert "\x1b[?25h" in said  # the cursor is back


def test_an_interrupt_leaves_the_terminal_as_it_was() -> None:
    code, said = at_terminal(80, pause=20.0, interrupt=True)
    assert code == 130
    assert drawn(said)[-1] == "interrupted"
    assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l")
    assert "Traceback" not in said


def piped(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WORKING.format(pause=0), *arguments],
        capture_output=True, text=True, check=True, timeout=120,
        env={**ENVIRONMENT, **environment},
    )  # fmt: skip


def test_a_pipe_that_asks_for_colours_gets_no_bar() -> None:
    said = piped(FORCE_COLOR="1").stderr
    assert "\x1b[2K" not in said
    assert "\x1b[?25l" not in said
    assert "epoch 3/3" in said


def test_quiet_says_errors_alone_and_verbose_says_where_from() -> None:
    assert "a detail" not in piped().stderr
    assert piped("--quiet").stderr == ""
    assert "auxdrive.x: a detail" in piped("-v").stderr


def test_quiet_holds_for_one_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    assert run(["verify", missing, "-q"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert run(["verify", missing, "-v"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "bundles/bundle.py" in said
    assert run(["verify", missing, "-v", "-q"]) == 2
    assert "contradict" in capsys.readouterr().err
    assert console.spoken_from() == console.NORMAL


def test_a_closed_pipe_ends_no_work() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORKING.format(pause=0.2), "-v"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        process.stderr.close()
        begin_s = time.monotonic()
        process.wait(60)
    assert process.returncode == 0
    assert time.monotonic() - begin_s > 0.5  # all of it was done
