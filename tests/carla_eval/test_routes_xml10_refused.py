"""Every mistake that a route file of leaderboard 1.0 can have is refused with its reason."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from auxdrive.errors import DataError
from auxdrive_eval.routes import load_routes
from route_text import WAYPOINTS, read

BOMB = (
    '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<routes><route id="&b;" town="T"/></routes>'
)
EXTERNAL = (
    '<!DOCTYPE routes SYSTEM "file:///etc/hostname"><routes><route id="0" town="T"/></routes>'
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "routes.xml: is empty"),
        (" \n", "routes.xml: is empty"),
        (gzip.compress(b"<routes/>", mtime=0), "routes.xml: is packed by gzip; unpack it first"),
        ("<routes><route", "not well-formed"),
        (b"\xff\xfe\x00<", "not well-formed"),
        (b"<?xml version='1.0' encoding='no-such'?><routes/>", "not well-formed"),
        ("<routes/>", "holds no <route>"),
        ("<scenarios/>", "root element is <scenarios>"),
        (BOMB, "document type declaration"),
        (BOMB.encode("utf-16"), "document type declaration"),
        (EXTERNAL, "document type declaration"),
        (f'<routes><route town="T">{WAYPOINTS}</route></routes>', "has no id"),
        (f'<routes><route id="0">{WAYPOINTS}</route></routes>', "route '0': has no town"),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="0"/></route></routes>',
            "has 1 waypoints and needs at least 2",
        ),
        (
            f'<routes><route id="0" town="T">{WAYPOINTS}<waypoints/></route></routes>',
            "line 1: this file mixes the formats of leaderboard 1.0",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="0"/>'
            '<waypoint x="1"/></route></routes>',
            "waypoint 1: has no y",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="nan" y="0"/>'
            '<waypoint x="1" y="1"/></route></routes>',
            "waypoint 0: x=nan",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="-inf"/>'
            '<waypoint x="1" y="1"/></route></routes>',
            "not a finite number",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="1e9"/>'
            '<waypoint x="1" y="1"/></route></routes>',
            "not a finite number within",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0,5" y="0"/>'
            '<waypoint x="1" y="1"/></route></routes>',
            "is no number",
        ),
        (
            '<routes><route id="0" town="T"><weather fog_density="x"/>'
            f"{WAYPOINTS}</route></routes>",
            "weather: fog_density='x'",
        ),
        (
            f'<routes><route id="0" town="T"><weather wetness="101"/>{WAYPOINTS}</route></routes>',
            "weather: wetness=101 does not lie from 0",
        ),
        (
            '<routes><route id="0" town="T"><weather cloudyness="80"/>'
            f"{WAYPOINTS}</route></routes>",
            "weather: .*cloudyness.*cloudiness",
        ),
        (
            '<routes><route id="0" town="T"><weather cloudiness="1_29.4"/>'
            f"{WAYPOINTS}</route></routes>",
            "1_29.4' is no number",
        ),
        (
            '<routes><route id="0" town="T"><weather cloudiness="\u0663"/>'
            f"{WAYPOINTS}</route></routes>",
            "is no number",
        ),
        (
            '<routes><route id="0" town="T"><weather wind_intensity="x"/>'
            f"{WAYPOINTS}</route></routes>",
            "wind_intensity='x' is no number",
        ),
        (
            f'<routes><route id="0" town="T"><weather><sun/></weather>{WAYPOINTS}</route></routes>',
            "weather: holds <sun>",
        ),
        (
            f'<routes><route id="0" town="T"><weather/><weather/>{WAYPOINTS}</route></routes>',
            "has 2 <weather> elements",
        ),
        (
            '<routes><route id="0" town="T"><weathers><weather/></weathers>'
            f"{WAYPOINTS}</route></routes>",
            "holds <weathers>.*weather",
        ),
        (
            f'<routes><route id="0" town="T"><wether/>{WAYPOINTS}</route></routes>',
            "holds <wether>.*weather",
        ),
        (
            f'<routes><weather/><route id="0" town="T">{WAYPOINTS}</route></routes>',
            "holds <weather>.*Valid: route",
        ),
        (
            f'<routes><group><route id="0" town="T">{WAYPOINTS}</route></group></routes>',
            "holds <group>.*Valid: route",
        ),
        (
            f'<routes><Route id="0" town="T">{WAYPOINTS}</Route></routes>',
            "holds <Route>.*Did you mean 'route'",
        ),
        (
            f'<routes sky="grey"><route id="0" town="T">{WAYPOINTS}</route></routes>',
            "<routes> has no attributes, and not 'sky'",
        ),
        (
            f'<routes><route id="0" town="T" weather="Rain">{WAYPOINTS}</route></routes>',
            "unknown attribute 'weather'. Valid: id, town",
        ),
        (
            f'<routes><route id="0" town="T">{WAYPOINTS}rain</route></routes>',
            "holds the text 'rain', and <route> holds none",
        ),
        (
            f'<routes><route id="0" town="T"><weather>rain</weather>{WAYPOINTS}</route></routes>',
            "holds the text 'rain'",
        ),
        (
            '<routes><route id="0" town="T">'
            '<waypoint x="0" y="0"><weather/></waypoint></route></routes>',
            "waypoint 0: holds <weather>",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="0" Yaw="9"/></route></routes>',
            "unknown attribute 'Yaw'. Did you mean 'yaw'",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="0" pitch="up"/></route></routes>',
            "waypoint 0: pitch='up' is no number",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="0" yaw="north"/>'
            '<waypoint x="1" y="1"/></route></routes>',
            "yaw='north'",
        ),
        (
            '<routes><route id="0" town="T"><weather cloudiness="-1"/>'
            f"{WAYPOINTS}</route></routes>",
            "cloudiness=-1 does not lie",
        ),
        (
            '<routes><route id="0" town="T"><weather sun_altitude_angle="99"/>'
            f"{WAYPOINTS}</route></routes>",
            "does not lie from -90 to 90",
        ),
        (
            f'<routes><route id="0" town="T">{WAYPOINTS}</route>'
            f'<route id="0" town="T">{WAYPOINTS}</route></routes>',
            "stands there twice",
        ),
    ],
)
def test_broken_files_are_refused_with_a_reason(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_a_file_that_is_too_large_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="larger than the limit"):
        read(tmp_path, b"<routes>" + b" " * (16 * 2**20))
    with pytest.raises(DataError, match="no such file"):
        load_routes(tmp_path / "missing.xml")
    with pytest.raises(DataError, match="is a folder"):
        load_routes(tmp_path)
