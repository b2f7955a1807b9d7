"""A renderer loads one town after another, closes and opens again, and draws the same bytes in
another process. Run as a script it prints a digest of its frames.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest
from auxdrive.cards import CameraSpec
from auxdrive.errors import SimulatorError
from auxdrive.types import Pose2
from auxdrive_eval.simulators.embedded.render import panda
from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer
from auxdrive_eval.simulators.embedded.render.shapes.faces import Face
from auxdrive_eval.simulators.embedded.render.shapes.town_faces import town_faces
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import LightColour
from town_by_hand import CAMERA, FURNISHED, WEATHERS, car, hand_town, scene


def _nodes(renderer: PandaRenderer) -> int:
    return sum(
        root.find_all_matches("**").get_num_paths()
        for root in (renderer._image_root, renderer._number_root)
    )


def test_another_town_frees_the_former(renderer: PandaRenderer) -> None:
    counts, faces = [], []
    for town in (FURNISHED, hand_town(), FURNISHED, hand_town()):
        renderer.load(town, Weather())
        renderer.rgb(scene(-90.0, -2.0, 0.0, car(-80.0, 2.0)))
        counts.append(_nodes(renderer))
        faces.append(len(renderer._registry.offsets))
    assert counts[:2] == counts[2:]
    assert faces[:2] == faces[2:]
    assert counts[1] < counts[0]


def test_a_town_that_is_loaded_already_is_not_built_again(
    renderer: PandaRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, built = hand_town(), list[str]()

    def counted(town: Town) -> list[Face]:
        built.append(town.name)
        return town_faces(town)

    monkeypatch.setattr(panda, "town_faces", counted)
    loads = [(FURNISHED, 0), (FURNISHED, 2), (FURNISHED, 2), (other, 2), (FURNISHED, 0)]
    drawn: dict[tuple[int, int], bytes] = {}
    for step, (town, weather) in enumerate(loads):
        renderer.load(town, WEATHERS[weather])
        renderer.rgb(scene(-90.0, -2.0, 0.0, car(-80.0 + step, 2.0), light=LightColour.GREEN))
        here = scene(-85.0, -2.0, 0.0, car(-75.0, 2.0))
        frames = renderer.rgb(here).tobytes() + renderer.depth_and_segmentation(here)[0].tobytes()
        assert drawn.setdefault((id(town), weather), frames) == frames
    assert built == [FURNISHED.name, other.name, FURNISHED.name]
    assert len(set(drawn.values())) == 3


def test_cars_are_drawn_from_a_pool(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(), Weather())
    counts = []
    for step in range(4):
        here = scene(-90.0 + step, -2.0, 0.0, car(-80.0 + step, 2.0), car(-70.0, -2.0 - 0.1 * step))
        renderer.rgb(here)
        counts.append(_nodes(renderer))
    assert len(set(counts)) == 1


def test_it_can_be_closed_and_opened_again() -> None:
    digests = []
    for _ in range(2):
        renderer = PandaRenderer(CAMERA)
        with pytest.raises(SimulatorError, match="no town is loaded"):
            renderer.rgb(scene(0.0))
        digests.append(digest(renderer))
        renderer.close()
        renderer.close()
        with pytest.raises(SimulatorError, match="closed"):
            renderer.lidar_points(scene(0.0))
        with pytest.raises(SimulatorError, match="closed"):
            renderer.load(FURNISHED, Weather())
    assert digests[0] == digests[1]


def test_another_process_draws_the_same_bytes(renderer: PandaRenderer) -> None:
    result = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == digest(renderer)


def test_mistakes_are_said(renderer: PandaRenderer) -> None:
    with pytest.raises(
        SimulatorError, match=r"ingest --fov-deg.*camera\.fov_deg in the data set's dataset\.json"
    ):
        PandaRenderer(CameraSpec(width=64, height=48))
    renderer.load(hand_town(), Weather())
    with pytest.raises(SimulatorError, match="light 1"):
        renderer.rgb(Scene(0.0, Pose2(0.0, 0.0, 0.0), (), {}))


def digest(renderer: PandaRenderer) -> str:
    """SHA-256 of all frames of a few scenes in several weathers."""
    total = hashlib.sha256()
    for weather in WEATHERS[2:]:
        renderer.load(FURNISHED, weather)
        for step in range(3):
            here = scene(
                -95.0 + 3 * step,
                -2.0,
                0.02 * step,
                car(-80.0, 2.0, 3.0),
                light=LightColour.GREEN,
                time_s=0.1 * step,
            )
            for frame in (
                renderer.rgb(here),
                *renderer.depth_and_segmentation(here),
                renderer.lidar_points(here),
            ):
                total.update(frame.tobytes())
    return total.hexdigest()


if __name__ == "__main__":
    print(digest(PandaRenderer(CAMERA)))
