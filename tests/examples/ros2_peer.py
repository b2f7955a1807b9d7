"""The other side of the ROS 2 node, for its test: it is run by a Python that has rclpy. It plays a
camera and a vehicle, notes the commands, lets the camera die, and ends the node by SIGTERM.

    python ros2_peer.py PID WIDTH HEIGHT SPEED

It prints one JSON object: the commands (speed, yaw rate) while the camera was there, after it had
died, when it was there again, after the stop was released, and once the node was told to end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import rclpy
from geometry_msgs.msg import PoseStamped, Twist
from nav_msgs.msg import Odometry, Path
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger


class Peer(Node):  # type: ignore[misc]  # rclpy is not there where types are checked
    def __init__(self, width: int, height: int, speed_mps: float) -> None:
        super().__init__("peer")
        self.commands: list[tuple[float, float]] = []
        self.sees = True
        self.create_subscription(Twist, "command", self._note, 10)
        self._images = self.create_publisher(Image, "image", qos_profile_sensor_data)
        self._odometry = self.create_publisher(Odometry, "odometry", qos_profile_sensor_data)
        kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._routes = self.create_publisher(Path, "route", kept)
        route = Path()
        route.header.frame_id = "odom"
        for x_m in (0.0, 30.0, 60.0):
            pose = PoseStamped()
            pose.pose.position.x = x_m
            route.poses.append(pose)
        self._routes.publish(route)
        self._size, self._speed_mps = (width, height), speed_mps
        self.create_timer(0.05, self._tick)

    def _note(self, message: Twist) -> None:
        self.commands.append((message.linear.x, message.angular.z))

    def _tick(self) -> None:
        stamp = self.get_clock().now().to_msg()
        odometry = Odometry()
        odometry.header.stamp, odometry.header.frame_id = stamp, "odom"
        odometry.twist.twist.linear.x = self._speed_mps
        odometry.pose.pose.orientation.w = 1.0
        self._odometry.publish(odometry)
        if self.sees:
            width, height = self._size
            image = Image(height=height, width=width, encoding="bgr8", step=3 * width)
            image.header.stamp = stamp
            image.data = os.urandom(3 * width * height)  # a camera's image never comes twice
            self._images.publish(image)


def drives(command: tuple[float, float]) -> bool:
    return command[0] > 0


def spin(peer: Peer, until: object, within_s: float = 20.0) -> list[tuple[float, float]]:
    """The commands that come until the last one is what is waited for."""
    begin, ends_s = len(peer.commands), time.monotonic() + within_s
    while time.monotonic() < ends_s:
        rclpy.spin_once(peer, timeout_sec=0.1)
        if len(peer.commands) - begin >= 10 and until(peer.commands):  # type: ignore[operator]
            break
    return peer.commands[begin:]


def main() -> None:
    pid, width, height, speed = sys.argv[1:]
    rclpy.init()
    peer = Peer(int(width), int(height), float(speed))
    seen = spin(peer, lambda commands: all(map(drives, commands[-5:])))
    peer.sees = False
    blind = spin(peer, lambda commands: not any(map(drives, commands[-5:])))
    peer.sees = True
    waits = spin(peer, lambda commands: True)
    asked = peer.create_client(Trigger, "release")
    asked.wait_for_service(5.0)
    asked.call_async(Trigger.Request())
    again = spin(peer, lambda commands: all(map(drives, commands[-5:])))
    os.kill(int(pid), signal.SIGTERM)
    ended = spin(peer, lambda commands: False, within_s=3.0)
    print(
        json.dumps({"seen": seen, "blind": blind, "waits": waits, "again": again, "ended": ended})
    )
    peer.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main()
