"""A small town written as OpenDRIVE: an oval of two straights and two bends, with a light and a
stop sign. It needs no file of CARLA's.
"""

from __future__ import annotations

import math

STRAIGHT, RADIUS, LANE = 200.0, 40.0, 3.5  # m

_LANE = """<lane id="{id}" type="driving" level="false"><link><predecessor id="{id}"/>
<successor id="{id}"/></link><width sOffset="0" a="{width}" b="0" c="0" d="0"/>
<roadMark sOffset="0" type="solid" weight="standard" color="white" width="0.15"
 laneChange="none"/></lane>"""

_SIGNAL = """<signal name="{name}" id="{id}" s="{s}" t="-5.5" zOffset="0" hOffset="0" roll="0"
 pitch="0" orientation="+" dynamic="{dynamic}" country="OpenDRIVE" type="{type}" subtype="-1"
 value="-1" text="" height="1" width="0.5"><validity fromLane="-1" toLane="-1"/></signal>"""


def small_xodr(latitude: float = 0.0, longitude: float = 0.0) -> str:
    """The OpenDRIVE text.

    Args:
        latitude: of the origin (degrees).
        longitude: of the origin (degrees).
    """
    bend = math.pi * RADIUS
    light = _signal("Signal_3Light_Post01", 901, 120.0, "yes", "1000001")
    stop = _signal("Sign_Stop", 902, 120.0, "no", "206")
    roads = [
        _road(1, STRAIGHT, (0.0, 0.0, 0.0), "<line/>", light),
        _road(2, bend, (STRAIGHT, 0.0, 0.0), f'<arc curvature="{1 / RADIUS}"/>', ""),
        _road(3, STRAIGHT, (STRAIGHT, 2 * RADIUS, math.pi), "<line/>", stop),
        _road(4, bend, (0.0, 2 * RADIUS, math.pi), f'<arc curvature="{1 / RADIUS}"/>', ""),
    ]
    reference = f"+proj=tmerc +lat_0={latitude} +lon_0={longitude} +k=1 +datum=WGS84 +units=m"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OpenDRIVE><header revMajor="1" revMinor="4" '
        'name="Small" version="1" north="120" south="-40" east="280" west="-80" vendor="auxdrive">'
        f"<geoReference><![CDATA[{reference}]]></geoReference></header>{''.join(roads)}"
        '<controller name="ctrl1" id="1" sequence="0"><control signalId="901" type=""/>'
        "</controller></OpenDRIVE>"
    )


def lane_of_road(number: int, width: float) -> str:
    """One lane of a road, as `small_xodr` writes it.

    Args:
        number: of the lane; negative on the right.
        width: in metres.
    """
    return _LANE.format(id=number, width=width)


def _signal(name: str, number: int, s: float, dynamic: str, kind: str) -> str:
    return _SIGNAL.format(name=name, id=number, s=s, dynamic=dynamic, type=kind)


def _road(
    number: int, length: float, at: tuple[float, float, float], shape: str, signals: str
) -> str:
    before, after = (number - 2) % 4 + 1, number % 4 + 1
    links = "".join(
        f'<{role} elementType="road" elementId="{other}" contactPoint="{point}"/>'
        for role, other, point in (("predecessor", before, "end"), ("successor", after, "start"))
    )
    x, y, heading = at
    left, right = (lane_of_road(lane, LANE) for lane in (1, -1))
    middle = (
        '<lane id="0" type="none" level="false"><roadMark sOffset="0" type="broken" '
        'weight="standard" color="yellow" width="0.15" laneChange="both"/></lane>'
    )
    return (
        f'<road name="Road {number}" length="{length}" id="{number}" junction="-1">'
        f'<link>{links}</link><type s="0" type="town"/><planView><geometry s="0" x="{x}" y="{y}" '
        f'hdg="{heading}" length="{length}">{shape}</geometry></planView><elevationProfile>'
        '<elevation s="0" a="0" b="0" c="0" d="0"/></elevationProfile><lateralProfile/><lanes>'
        f'<laneSection s="0"><left>{left}</left><center>{middle}</center><right>{right}</right>'
        f"</laneSection></lanes><signals>{signals}</signals></road>"
    )
