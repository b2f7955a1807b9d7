"""What the ego collides with, and the consequences: the ego stops before the obstacle, and a car or
whoever else it collided with is taken away.
"""

from __future__ import annotations

from auxdrive.types import Control, Float64

from auxdrive_eval.simulators.embedded.ego.obstacles import StaticObstacles
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle
from auxdrive_eval.simulators.embedded.geometry.boxes import box, overlaps, touching
from auxdrive_eval.simulators.embedded.town.lane_graph import LEVEL_M
from auxdrive_eval.simulators.embedded.traffic.bodies import Bodies
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.simulators.embedded.traffic.cars import Traffic
from auxdrive_eval.world import CollisionKind, Contact

TOWED_AFTER_S = 10.0
"""Bodies here cannot be pushed aside, so the ego and a car that collided could block each other for
ever. After they have stood in contact for this long, the car is taken out of the traffic, as SUMO
does with cars that have collided (`collision.action`).
"""
TOUCH_M = 0.5
STANDING_MPS = 0.1


class EgoContacts:
    """The contacts of the ego on one route.

    Args:
        vehicle: the ego, which `move` moves.
        obstacles: what stands still in the town.
        traffic: the moving cars. Those that have stood in contact with the ego for too long are
            taken out of it.
        bodies: pedestrians and others beside the traffic, which are treated likewise.

    Attributes:
        cars: boxes of the moving cars, float64 (N, 5).
        height_m: how high above the ground the ego drives; None in a flat town. Whoever drives sets
            it.
    """

    def __init__(
        self, vehicle: Vehicle, obstacles: StaticObstacles, traffic: Traffic, bodies: Bodies
    ) -> None:
        self._vehicle = vehicle
        self._obstacles = obstacles
        self._traffic = traffic
        self._bodies = bodies
        self.cars = traffic.boxes()
        self.height_m: float | None = None
        self._found: dict[int, Contact] = {}
        self._together_s: dict[int, float] = {}

    def ego_box(self) -> Float64:
        """Box of the ego, float64 (5,)."""
        p = self._vehicle.parameters
        return box(*self._vehicle.centre, self._vehicle.yaw_rad, p.length_m, p.width_m)

    def move(self, control: Control, tick_s: float) -> None:
        """Move the ego. If it would collide, it stops where it was.

        Args:
            control: what the driver does during this tick.
            tick_s: length of the tick, seconds.
        """
        vehicle = self._vehicle
        pose, before = vehicle.pose, self.ego_box()
        vehicle.step(control, tick_s)
        after = self.ego_box()
        standing, moving = self._obstacles.hits(after), self._movers_hit(after)
        self._found = (
            {contact.other_id: contact for contact in self._obstacles.contacts(after)}
            if standing
            else {}
        )
        self._found.update({contact.other_id: contact for contact in moving.values()})
        # What the ego was in contact with already (a car that drove into it) does not hold it.
        touched_before = set(self._obstacles.hits(before)) if standing else set()
        movers_before = self._movers_hit(before).keys() if moving else set()
        if not set(standing) <= touched_before or not moving.keys() <= movers_before:
            vehicle.x_m, vehicle.y_m, vehicle.yaw_rad = pose.x_m, pose.y_m, pose.yaw_rad
            vehicle.speed_mps, vehicle.drive_mps2 = 0.0, 0.0

    def settle(self, tick_s: float) -> tuple[Contact, ...]:
        """Called after the traffic has moved: stop who has run into the ego, and take away those
        that have stood in contact with it for too long.

        Returns:
            All contacts of the tick.
        """
        self.cars = self._traffic.boxes()
        for mover, contact in self._movers_hit(self.ego_box()).items():
            self._found[contact.other_id] = contact
            self._whose(mover).halt(mover)
        movers = self._traffic.cars.keys() | self._bodies.all.keys()
        for mover in self._found.keys() & movers:
            self._together_s.setdefault(mover, 0.0)
        if self._together_s:
            self._tow(tick_s)
        return tuple(self._found.values())

    def _tow(self, tick_s: float) -> None:
        """Measure for each mover that was hit how long it and the ego have stood in contact. Remove
        those for which that is too long.
        """
        near = self.ego_box()
        near[3:] += TOUCH_M
        touching = dict(zip(self._traffic.cars, overlaps(near, self.cars) > 0, strict=True))
        if self._bodies:
            touching.update(
                zip(self._bodies.all, overlaps(near, self._bodies.boxes()) > 0, strict=True)
            )
        self._together_s = {
            mover: seconds + tick_s if self._stand(mover) else 0.0
            for mover, seconds in self._together_s.items()
            if touching.get(mover, False)
        }
        for mover in [m for m, seconds in self._together_s.items() if seconds >= TOWED_AFTER_S]:
            del self._together_s[mover]
            self._whose(mover).remove(mover)
            self.cars = self._traffic.boxes()

    def _whose(self, mover: int) -> Traffic | Bodies:
        """Who has the mover of that id."""
        return self._bodies if mover in self._bodies.all else self._traffic

    def _stand(self, mover: int) -> bool:
        return (
            self._vehicle.speed_mps < STANDING_MPS
            and self._whose(mover).speed(mover) < STANDING_MPS
        )

    def _movers_hit(self, ego: Float64) -> dict[int, Contact]:
        """Contacts of the ego's box with cars and bodies, by their ids."""
        found = self._cars_hit(ego)
        if self._bodies:
            bodies = list(self._bodies.all.values())
            for index in touching(ego, self._bodies.boxes()):
                found[bodies[index].body_id] = bodies[index].contact()
        return found

    def _is_on_another_level(self, car: Car) -> bool:
        height_m = self._traffic.height_m(car)
        if height_m is None or self.height_m is None:
            return False
        return abs(height_m - self.height_m) >= LEVEL_M

    def _cars_hit(self, ego: Float64) -> dict[int, Contact]:
        """Contacts of the ego's box with moving cars, by car id."""
        if not len(self.cars):
            return {}
        cars = list(self._traffic.cars.values())
        found = {}
        for index in touching(ego, self.cars):
            car, (x, y) = cars[index], self.cars[index, :2]
            if self._is_on_another_level(car):
                continue
            found[car.car_id] = Contact(
                CollisionKind.VEHICLE, car.car_id, f"vehicle.{car.kind.value}", (float(x), float(y))
            )
        return found
