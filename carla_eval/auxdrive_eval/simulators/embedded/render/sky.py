"""The sky of the RGB image: a dome around the camera, brighter towards the horizon and the sun,
with clouds.
"""

from __future__ import annotations

import math

import numpy as np
from auxdrive.types import Float64
from panda3d.core import CompassEffect, CullFaceAttrib, NodePath

from auxdrive_eval.simulators.embedded.render.atmosphere import Light
from auxdrive_eval.simulators.embedded.render.graphs import state_of
from auxdrive_eval.simulators.embedded.render.rasteriser import make_geom, make_node
from auxdrive_eval.simulators.embedded.render.shapes.faces import Face, Layer
from auxdrive_eval.simulators.embedded.render.shapes.packing import pack

_RADIUS_M = 100.0
_ELEVATIONS_DEG = (-12.0, 0.0, 3.0, 7.0, 12.0, 18.0, 26.0, 36.0, 50.0, 70.0, 90.0)
_SECTORS = 48
_EDGES = range(_SECTORS + 1)


def _colour(light: Light, direction: Float64, cloud: float) -> Float64:
    height = float(np.clip(direction[2], 0.0, 1.0))
    colour = light.horizon + (light.zenith - light.horizon) * (1 - math.exp(-4.0 * height))
    towards = max(0.0, float(direction @ light.sun_direction))
    glow = 0.35 * towards**6 + (0.9 * towards**90)
    colour = colour + glow * light.sun * (1 - light.fog_per_m * 5)
    white = (0.75 * light.ambient + 0.55 * light.sun) * 1.15
    share = cloud * min(1.0, 6.0 * height)
    return np.clip(colour * (1 - share) + white * share, 0.0, 1.0)


def _direction(elevation_rad: float, sector: int) -> tuple[float, float, float]:
    azimuth_rad, across = 2 * math.pi * sector / _SECTORS, math.cos(elevation_rad)
    return (
        across * math.cos(azimuth_rad),
        across * math.sin(azimuth_rad),
        math.sin(elevation_rad),
    )


def _quads(grid: Float64) -> Float64:
    """(Q, 4, k), what a grid (rows, sectors, k) has at the corners of its quads."""
    corners = (grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:])
    return np.stack(corners, axis=2).reshape(-1, 4, grid.shape[2])


def attach_sky(rig: NodePath, light: Light, seed: int) -> NodePath:
    """Attach the dome to the camera's rig. It does not rotate with the camera.

    Args:
        rig: of the camera, with which the dome moves.
        light: of the weather.
        seed: of the town; it decides where the clouds are.

    Returns:
        The dome's node, to be removed with the town.
    """
    rng = np.random.default_rng([seed % 2**32, 77])
    puffs = rng.uniform(0, 1, (len(_ELEVATIONS_DEG), _SECTORS))
    cover = np.clip((puffs - (1 - light.cloudiness)) * 3.0, 0.0, 0.85) * (1 - light.rain)
    points = np.array(
        [[_direction(math.radians(each), sector) for sector in _EDGES] for each in _ELEVATIONS_DEG]
    )
    colours = np.array(
        [
            [
                (*_colour(light, points[row, sector], float(cover[row, sector % _SECTORS])), 1.0)
                for sector in _EDGES
            ]
            for row in range(len(_ELEVATIONS_DEG))
        ]
    )
    corners = _quads(points * _RADIUS_M)
    mesh = pack([Face(each, (1.0, 1.0, 1.0), "sky", Layer.SKY) for each in corners])
    geom = make_geom(mesh, np.rint(_quads(colours).reshape(-1, 4) * 255).astype(np.uint8))
    state = state_of(Layer.SKY).set_attrib(CullFaceAttrib.make(CullFaceAttrib.M_cull_none))
    sky = rig.attach_new_node(make_node("sky", [(geom, state)]))
    sky.set_effect(CompassEffect.make(rig.get_parent(), CompassEffect.P_rot))
    return sky
