"""OpenDRIVE files that are refused, and why."""

from __future__ import annotations

import gzip
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import carla_towns
import pytest
from auxdrive.errors import DataError, MissingExtra, SimulatorError
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import make_simulator, simulator_settings
from opendrive_towns import SMALL, simulator_of

MISTAKES: Mapping[str, tuple[str, str]] = {
    "empty": ("", "is not XML: no element found: line 1"),
    "no XML": ("a town", "is not XML: syntax error: line 1"),
    "another format": ("<routes/>", "line 1: the root element is <routes>; that of a map"),
    "no roads": ("<OpenDRIVE/>", "holds no roads; is it an OpenDRIVE file?"),
    "cut off": (SMALL[:3000], "is not XML: unclosed token"),
    "expands": ("<!DOCTYPE a [<!ENTITY b 'c'>]><OpenDRIVE/>", "document type declaration"),
    "no shape": (SMALL.replace("<line/>", "<loop/>"), "a geometry has not one shape of line, arc"),
    "no plan": (re.sub("<planView>.*?</planView>", "", SMALL, flags=re.S), "a road has no <geom"),
    "no lanes": (re.sub("<lanes>.*?</lanes>", "", SMALL, flags=re.S), "a road has no <laneSec"),
    "no number": (SMALL.replace('length="200.0"', 'length="long"'), "<road> has length='long'"),
    "endless": (SMALL.replace('x="200.0"', 'x="inf"'), "<geometry> has x='inf'"),
    "backwards": (SMALL.replace('length="200.0"', 'length="-3"'), "a road is -3 m long"),
    "longer than drawn": (
        SMALL.replace('name="Road 1" length="200.0"', 'name="Road 1" length="1e6"'),
        "a road is 1000000.0 m long, and its geometries 200.0 m",
    ),
    "no links": (re.sub("<link>.*?</link>", "", SMALL, flags=re.S), "every lane leads to a dead e"),
    "narrow": (SMALL.replace('a="3.5"', 'a="0.3"'), "at least 1.0 m is needed"),
    "odd signal": (SMALL.replace('id="901"', 'id="light"'), "the signal 'light' has no number"),
    "fatal": (
        re.sub("<right>.*?</right>", "", SMALL, count=1, flags=re.S),
        "the stock client does not survive this map; it is damaged .signal SIGSEGV",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_no_map_is_refused(mistake: str, tmp_path: Path) -> None:
    carla_towns.needs_carla()
    text, said = MISTAKES[mistake]
    path = tmp_path / "Odd.xodr"
    path.write_text(text)
    with pytest.raises(DataError, match=said) as raised:
        simulator_of(path)
    assert str(raised.value).startswith(str(path))


def test_a_file_that_is_absent_or_damaged_is_refused(tmp_path: Path) -> None:
    carla_towns.needs_carla()
    with pytest.raises(DataError, match="no such file"):
        simulator_of(tmp_path / "none.xodr")
    path = tmp_path / "cut.xodr.gz"
    path.write_bytes(gzip.compress(SMALL.encode())[:200])
    with pytest.raises(DataError, match="damaged gzip file"):
        simulator_of(path)


def test_a_file_that_has_changed_is_refused(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "Small.xodr"
    path.write_bytes(small.read_bytes())
    settings = simulator_settings("embedded", {"town": str(path)})
    path.write_text(SMALL.replace("10.0", "11.0"))
    with pytest.raises(DataError, match="another file than when these settings were made"):
        make_simulator(settings, sensors=False)


def test_a_route_of_another_town_is_refused(small: Path) -> None:
    simulator: Simulator = simulator_of(small)
    with pytest.raises(SimulatorError, match=r"'Town03' is not the town of .*Small.xodr"):
        simulator.plan("Town03", ((0.0, -1.75), (50.0, -1.75)))


def test_without_the_extra_the_command_that_installs_it_is_named(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auxdrive_eval.simulators.embedded.opendrive import source

    source._read.cache_clear()
    monkeypatch.setitem(sys.modules, "carla", None)
    with pytest.raises(MissingExtra, match=r"pip install 'auxdrive\[carla\]'"):
        simulator_of(small)


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="this system has no alarm")
def test_a_reading_process_ends_whatever_became_of_who_asked() -> None:
    """The client hangs in some damaged maps, and lets no thread of Python work."""
    code = (
        "import sys, time\n"
        "from auxdrive_eval.simulators.embedded.opendrive import reading\n"
        "reading.LONGEST_S, reading.open_map = 1.0, lambda path: time.sleep(50)\n"
        "sys.argv = ['reading', 'town.xodr']\n"
        "reading.main()\n"
    )
    process = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert process.returncode == -signal.SIGALRM
