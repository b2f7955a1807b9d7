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
from auxdrive_eval.simulators.embedded.render.shapes.faces import Face, Layer, pack

_RADIUS_M = 100.0
_ELEVATIONS_DEG = (-12.0, 0.0, 3.0, 7.0, 12.0, 18.0, 26.0, 36.0, 50.0, 70.0, 90.0)
_SECTORS = 48


def _colour(light: Light, direction: Float64, cloud: float) -> Float64:
    height = float(np.clip(direction[2], 0.0, 1.0))
    colour = light.horizon + (light.zenith - light.horizon) * (1 - math.exp(-4.0 * height))
    towards = max(0.0, float(direction @ light.sun_direction))
    glow = 0.35 * towards**6 + (0.9 * towards**90)
    colour = colour + glow * light.sun * (1 - light.fog_per_m * 5)
    white = (0.75 * light.ambient + 0.55 * light.sun) * 1.15
    share = cloud * min(1.0, 6.0 * height)
    return np.clip(colour * (1 - share) + white * share, 0.0, 1.0)


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
    faces, colours = [], []
    for row in range(len(_ELEVATIONS_DEG) - 1):
        for sector in range(_SECTORS):
            corners, clouds = [], []
            for r, s in (
                (row, sector),
                (row + 1, sector),
                (row + 1, sector + 1),
                (row, sector + 1),
            ):
                elevation, azimuth = math.radians(_ELEVATIONS_DEG[r]), 2 * math.pi * s / _SECTORS
                corners.append(
                    (
                        math.cos(elevation) * math.cos(azimuth),
                        math.cos(elevation) * math.sin(azimuth),
                        math.sin(elevation),
                    )
                )
                clouds.append(float(cover[r, s % _SECTORS]))
            points = np.array(corners)
            colours += [(*_colour(light, p, c), 1.0) for p, c in zip(points, clouds, strict=True)]
            faces.append(Face(points * _RADIUS_M, (1.0, 1.0, 1.0), "sky", Layer.SKY))
    mesh = pack(faces)
    geom = make_geom(mesh, np.rint(np.array(colours) * 255).astype(np.uint8))
    state = state_of(Layer.SKY).set_attrib(CullFaceAttrib.make(CullFaceAttrib.M_cull_none))
    sky = rig.attach_new_node(make_node("sky", [(geom, state)]))
    sky.set_effect(CompassEffect.make(rig.get_parent(), CompassEffect.P_rot))
    return sky
