"""A ROS 2 node that drives by a bundle. README.md beside this file says how to run it.

    python3 auxdrive_node.py --ros-args -p bundle:=bundles/samd -r image:=/camera/image_raw

It takes `image` (sensor_msgs/Image, or CompressedImage with `-p compressed:=true`), `odometry`
(nav_msgs/Odometry of the rear axle) and, for models that are told a target point, `route`
(nav_msgs/Path in the odometry's frame). It gives `command` at a fixed rate: geometry_msgs/Twist,
or ackermann_msgs/AckermannDriveStamped with `-p command:=ackermann`. The service `release`
(std_srvs/Trigger) ends a stop of the safety envelope. What it does with messages stands in
bundle_driver.py, which needs no ROS.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import rclpy
from auxdrive import InputError, Predictor, UsageError
from bundle_driver import BundleDriver
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry, Path
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from ros_messages import Command, fill_ackermann, fill_twist
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import Trigger

NEWEST = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
)
"""Of sensors: the newest message wins, and one that was lost is not sent again."""
KEPT = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""Of the route: who comes later is told it too."""


class AuxdriveNode(Node):  # type: ignore[misc]  # rclpy is not there where types are checked
    """Messages in, a command at a fixed rate out."""

    def __init__(self) -> None:
        super().__init__("auxdrive")
        self._predictor = Predictor.load(self._given("bundle", ""))
        self._wheelbase_m = self._given("wheelbase_m", self._predictor.vehicle.wheelbase_m or 0.0)
        if self._wheelbase_m <= 0:
            raise UsageError("the card does not know the vehicle's wheelbase: give wheelbase_m")
        self._driver = BundleDriver(
            self._predictor,
            max_age_s=self._given("max_age_s", 0.3),
            resize=self._given("resize", False),
            wheelbase_m=self._wheelbase_m,
            throttle_mps2=self._given("full_throttle_mps2", 3.5),
            brake_mps2=self._given("full_brake_mps2", 8.0),
            fallback=self._given("fallback", "stop"),
        )
        self._last = Command(0.0, 0.0, 0.0, "")
        self._message = self._filler(self._given("command", "twist"))
        self._publisher = self.create_publisher(type(self._message(self._last)), "command", 1)
        image = CompressedImage if self._given("compressed", False) else Image
        self.create_subscription(image, "image", self._driver.see, NEWEST)
        self.create_subscription(Odometry, "odometry", self._driver.move, NEWEST)
        if self._driver.needs_route:
            self.create_subscription(Path, "route", self._follow, KEPT)
        self.create_service(Trigger, "release", self._release)
        self.create_timer(1.0 / self._given("rate_hz", 20.0), self._tick)

    def _given(self, name: str, default: Any) -> Any:
        """A parameter's value."""
        return self.declare_parameter(name, default).value

    def _filler(self, kind: str) -> Callable[[Command], Any]:
        """What makes a message of a command."""
        if kind == "ackermann":
            from ackermann_msgs.msg import AckermannDriveStamped  # no part of ROS's base

            return lambda command: self._stamped(fill_ackermann(AckermannDriveStamped(), command))
        if kind != "twist":
            raise UsageError(f"command is {kind!r}; give twist or ackermann")
        return lambda command: fill_twist(Twist(), command, self._wheelbase_m)

    def _stamped(self, message: Any) -> Any:
        message.header.stamp = self.get_clock().now().to_msg()
        return message

    def _follow(self, message: Path) -> None:
        try:
            self._driver.follow(message)
        except InputError as error:
            self.get_logger().error(f"that is no route: {error}")

    def _release(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """End a stop of the safety envelope; it is asked by who has looked at the vehicle."""
        del request
        self._driver.release()
        response.success = True
        return response

    def _tick(self) -> None:
        command = self._driver.command(self.get_clock().now().nanoseconds * 1e-9)
        if bool(command.reason) != bool(self._last.reason):
            self.get_logger().warning(command.reason or "it drives")
        self._last = command
        self._publisher.publish(self._message(command))

    def halt(self) -> None:
        """Give the last command, a stop with the wheels where they are, and wait until it has
        arrived.
        """
        self._publisher.publish(self._message(Command(self._last.steer_rad, 0.0, 0.0)))
        self._publisher.wait_for_all_acked(Duration(seconds=0.5))
        self._predictor.close()


def main() -> None:
    """Run the node until SIGINT or SIGTERM; however it ends, the last command is a stop."""
    ended = threading.Event()
    # rclpy's own handlers would close the connection before the last command.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    node = AuxdriveNode()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not ended.is_set():
            executor.spin_once(timeout_sec=0.1)
    finally:
        node.halt()
        node.destroy_node()
        rclpy.shutdown()


if __name__ == "__main__":
    main()
