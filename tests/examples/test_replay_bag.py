"""A recorded bag is replayed through a bundle: the numbers are the predictor's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from auxdrive import InputError, Observation, Predictor
from example_programs import run_example

pytest.importorskip("rosbags")

import bag_messages as bag
from replay_bag import BundleDriver, replayed
from rosbags.rosbag2 import StoragePlugin, Writer

T = 1700000000.0
IMAGES = np.random.default_rng(6).integers(0, 256, (6, 24, 32, 3), np.uint8)
TOPICS = {"image": "/camera/image_raw", "odometry": "/odom", "route": "/plan"}


def written_bag(folder: Path, storage: StoragePlugin) -> Path:
    """Images at 10 Hz, as OpenCV has them, odometry at 50 Hz, a route; the fifth image was never
    taken.
    """
    said = [("/plan", T, bag.route((0.0, 0.0), (30.0, 0.0)))]
    said += [("/odom", T + 0.02 * step, bag.odometry(T + 0.02 * step, 4.0)) for step in range(30)]
    for step in (0, 1, 2, 3, 5):
        time_s = T + 0.1 * step
        picture = bag.image(IMAGES[step][..., ::-1], time_s, "bgr8")
        said.append(("/camera/image_raw", time_s + 0.015, picture))
    with Writer(folder, version=9, storage_plugin=storage) as writer:
        topics = {
            topic: writer.add_connection(topic, message.__msgtype__, typestore=bag.STORE)
            for topic, _, message in {topic: each for each in said for topic in each[:1]}.values()
        }
        for topic, time_s, message in sorted(said, key=lambda each: each[1]):
            data = bag.STORE.serialize_cdr(message, message.__msgtype__)
            writer.write(topics[topic], round(time_s * 1e9), data)
    return folder


@pytest.mark.parametrize("storage", list(StoragePlugin), ids=lambda each: each.name)
def test_a_bag_is_replayed(storage: StoragePlugin, waypoint_bundle: Path, tmp_path: Path) -> None:
    folder = written_bag(tmp_path / "bag", storage)
    words = [word for kind, topic in TOPICS.items() for word in (f"--{kind}", topic)]
    out = run_example("ros2/replay_bag.py", folder, waypoint_bundle, *words)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [round(line["time_s"] - T, 3) for line in lines] == [0.015, 0.115, 0.215, 0.315, 0.515]
    with Predictor.load(waypoint_bundle) as predictor:
        for line, step in zip(lines, (0, 1, 2, 3, 5), strict=True):
            seen = Observation(IMAGES[step], T + 0.1 * step, 4.0, (30.0, 0.0))
            waypoints = predictor.predict(seen).waypoints_ego_m
            assert waypoints is not None
            assert line["waypoints_ego_m"] == waypoints.tolist()
            assert line["stopped_because"] == ""
            assert line["command"]["speed_mps"] > 2.0


def test_a_topic_that_is_not_there_is_told(waypoint_bundle: Path, tmp_path: Path) -> None:
    folder = written_bag(tmp_path / "bag", StoragePlugin.SQLITE3)
    with Predictor.load(waypoint_bundle) as predictor:
        driver = BundleDriver(predictor)
        with pytest.raises(
            InputError, match=r"has no /imu; it has /camera/image_raw, /odom, /plan"
        ):
            list(replayed(folder, driver, {**TOPICS, "odometry": "/imu"}))
