"""Where the axles of CARLA's vehicles are. Poses and cameras of auxdrive refer to the middle of the
rear axle on the ground, CARLA's to a vehicle's own origin.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axles:
    """Where a vehicle's axles are.

    Attributes:
        wheelbase_m: from axle to axle.
        rear_m: how far the rear axle lies behind the vehicle's origin.
    """

    wheelbase_m: float
    rear_m: float


AXLES = {
    "vehicle.lincoln.mkz_2020": Axles(2.86, 1.43),
    "vehicle.lincoln.mkz_2017": Axles(2.85, 1.43),
    "vehicle.lincoln.mkz2017": Axles(2.85, 1.43),
    "vehicle.tesla.model3": Axles(2.88, 1.44),
}
"""By blueprint (mkz2017 until 0.9.12). The wheelbases are the real cars'; that the origin lies in
the middle between the axles was not measured in a server.
"""
