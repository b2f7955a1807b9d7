"""Road maps for tests: CARLA's towns from the shared folder, each read once, and a road that is
written here.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from auxdrive_eval.road_maps.carla_map import CarlaRoadMap
    from auxdrive_eval.routes.planner import RoutePlanner

SHARED = Path(os.environ.get("AUXDRIVE_SHARED", Path(__file__).resolve().parents[2] / "../shared"))
ROUTES = SHARED / "carla/routes"
TOWNS = SHARED / "carla/xodr"


def _lane(number: int, link: str) -> str:
    return (
        f'<lane id="{number}" type="driving" level="false"><link><{link} id="{number}"/></link>'
        '<width sOffset="0" a="3.5" b="0" c="0" d="0"/><roadMark sOffset="0" type="broken" '
        'weight="standard" color="standard" width="0.1" laneChange="both"/></lane>'
    )


def _road(number: int, start_m: float, link: str, other: int, contact: str) -> str:
    return (
        f'<road name="r" length="200" id="{number}" junction="-1"><link><{link} elementType="road" '
        f'elementId="{other}" contactPoint="{contact}"/></link><planView><geometry s="0" '
        f'x="{start_m}" y="0" hdg="0" length="200"><line/></geometry></planView><lanes>'
        f'<laneSection s="0"><left>{_lane(1, link)}</left><center><lane id="0" type="none" '
        'level="false"><roadMark sOffset="0" type="broken" weight="standard" color="standard" '
        'width="0.1" laneChange="both"/></lane></center>'
        f"<right>{_lane(-1, link)}{_lane(-2, link)}</right></laneSection></lanes></road>"
    )


ROAD = (
    '<OpenDRIVE><header revMajor="1" revMinor="4" name="" north="0" south="0" east="0" west="0">'
    "<geoReference><![CDATA[+proj=tmerc +lat_0=35.25 +lon_0=-101.5 +k=1]]></geoReference></header>"
    + _road(7, 0.0, "successor", 8, "start")
    + _road(8, 200.0, "predecessor", 7, "end")
    + "</OpenDRIVE>"
)
"""Road 7 of 200 m to the east, and road 8 of as many behind it: two lanes that way, at y -1.75 and
-5.25 (to the left), one back at y 1.75. All lines between them are broken.
"""


def needs_carla() -> None:
    """Skip where the extra is not installed."""
    pytest.importorskip("carla", reason="needs the extra [carla]")


@cache
def town(name: str) -> CarlaRoadMap:
    """The road map of a real town; skipped where its file is absent."""
    from auxdrive_eval.road_maps.carla_map import open_map

    needs_carla()
    path = next(iter(TOWNS.glob(f"{name}*.xodr.gz")), None)
    if path is None:
        pytest.skip(f"the map of {name} is not in {TOWNS}")
    return open_map(path)


@cache
def planner(name: str) -> RoutePlanner:
    """A planner on a real town."""
    from auxdrive_eval.routes.planner import RoutePlanner

    return RoutePlanner(town(name))


def road(folder: Path, text: str = ROAD) -> CarlaRoadMap:
    """The road map of `ROAD`."""
    from auxdrive_eval.road_maps.carla_map import open_map

    needs_carla()
    path = folder / "Road.xodr"
    path.write_text(text)
    return open_map(path)
