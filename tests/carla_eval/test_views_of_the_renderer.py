"""A view from beside the road that was driven (`augment.view_shift`, `augment.view_turn`) is what
the renderer draws from there, where the town is flat.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray
from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer
from auxdrive_eval.weather import Weather
from auxdrive_train.data.views import camera_from
from auxdrive_train.tasks.view import View
from town_by_hand import CAMERA, hand_town, scene

SHIFT_M, TURN_RAD, YAW = 0.8, math.radians(5.0), 0.3


def test_a_displaced_view_is_what_the_renderer_draws_there(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(), Weather())
    x, y = -60.0, -2.0
    here = scene(x, y, YAW)
    there = scene(x - SHIFT_M * math.sin(YAW), y + SHIFT_M * math.cos(YAW), YAW + TURN_RAD)
    view = View(torch.tensor([SHIFT_M]), torch.tensor([TURN_RAD]), 10.0)

    def moved(image: AnyArray, modality: Modality) -> AnyArray:
        frames = torch.from_numpy(image[None].copy())
        return camera_from(frames, modality, view, CAMERA)[0].numpy()

    seen = slice(None), slice(40, -10)  # what the camera saw here, too
    rgb, wanted = (renderer.rgb(at)[seen].astype(int) for at in (here, there))
    error = np.abs(moved(renderer.rgb(here), Modality.RGB)[seen].astype(int) - wanted).mean()
    assert error < np.abs(rgb - wanted).mean() / 4
    depth, classes = renderer.depth_and_segmentation(here)
    depth_there, classes_there = renderer.depth_and_segmentation(there)
    assert (moved(classes, Modality.SEGMENTATION)[seen] == classes_there[seen]).mean() > 0.97
    near = depth_there[seen] < 4000  # 40 m
    ratio = moved(depth, Modality.DEPTH)[seen][near] / depth_there[seen][near].astype(float)
    assert np.median(np.abs(ratio - 1)) < 0.01
