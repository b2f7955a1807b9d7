"""Replays a rosbag2 (SQLite or MCAP) through a bundle, without ROS, and writes what would have been
predicted and commanded: a line of JSON for each image.

    pip install rosbags
    python replay_bag.py BAG BUNDLE --image /camera/image_raw --odometry /odom > replayed.jsonl

The messages go the way that they go in the node (bundle_driver.py), at the times at which the bag
was recorded. A model that is told a target point also needs the route: `--route /plan`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auxdrive import InputError, Predictor
from bundle_driver import BundleDriver
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore


def replayed(bag: Path, driver: BundleDriver, topics: dict[str, str]) -> Iterator[dict[str, Any]]:
    """What is predicted and commanded at each image of a bag.

    Args:
        bag: the folder that `ros2 bag record` wrote.
        driver: that is given the messages.
        topics: the topic of `image`, of `odometry` and, where there is one, of `route`.

    Raises:
        InputError: the bag lacks one of the topics.
    """
    takes = {"image": driver.see, "odometry": driver.move, "route": driver.follow}
    kinds = {topic: kind for kind, topic in topics.items()}
    with AnyReader([bag], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
        found = [each for each in reader.connections if each.topic in kinds]
        if lacking := kinds.keys() - {each.topic for each in found}:
            held = ", ".join(sorted({each.topic for each in reader.connections}))
            raise InputError(f"{bag} has no {', '.join(sorted(lacking))}; it has {held}")
        for connection, recorded_ns, data in reader.messages(connections=found):
            kind = kinds[connection.topic]
            takes[kind](reader.deserialize(data, connection.msgtype))
            if kind == "image":
                yield line_of(driver, recorded_ns * 1e-9)


def line_of(driver: BundleDriver, now_s: float) -> dict[str, Any]:
    """The command at a time, and the prediction that it comes from."""
    command = driver.command(now_s)
    prediction = driver.prediction
    waypoints = None if prediction is None else prediction.waypoints_ego_m
    return {
        "time_s": now_s,
        "steer_rad": None if prediction is None else prediction.steer_rad,
        "waypoints_ego_m": None if waypoints is None else waypoints.tolist(),
        "flags": [] if prediction is None else sorted(prediction.flags),
        "command": {
            "steer_rad": command.steer_rad,
            "speed_mps": command.speed_mps,
            "acceleration_mps2": command.acceleration_mps2,
        },
        "stopped_because": command.reason,
    }


def main() -> None:
    """Read the command line and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("bag", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--image", required=True, help="topic of Image or CompressedImage")
    parser.add_argument("--odometry", required=True, help="topic of nav_msgs/Odometry")
    parser.add_argument("--route", help="topic of nav_msgs/Path")
    parser.add_argument("--resize", action="store_true", help="scale images to the model's camera")
    given = parser.parse_args()
    topics = {"image": given.image, "odometry": given.odometry}
    if given.route is not None:
        topics["route"] = given.route
    with Predictor.load(given.bundle) as predictor:
        for line in replayed(given.bag, BundleDriver(predictor, resize=given.resize), topics):
            print(json.dumps(line))


if __name__ == "__main__":
    main()
