"""The blueprints that the server offers, with their attributes and sizes (about those of CARLA)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .dialects import spoken
from .geometry import Box

BOOL, INT, FLOAT, STRING, COLOR = range(5)

# name: (half length, half width, half height, wheels, base type, special type, generation)
VEHICLES = {
    "vehicle.lincoln.mkz_2020": (2.446, 1.09, 0.744, 4, "car", "", 2),
    "vehicle.lincoln.mkz_2017": (2.451, 1.064, 0.755, 4, "car", "", 1),
    "vehicle.tesla.model3": (2.396, 1.082, 0.744, 4, "car", "electric", 2),
    "vehicle.audi.tt": (2.091, 0.997, 0.693, 4, "car", "", 1),
    "vehicle.nissan.micra": (1.817, 0.922, 0.751, 4, "car", "", 1),
    "vehicle.nissan.patrol": (2.302, 0.966, 0.927, 4, "car", "", 1),
    "vehicle.volkswagen.t2": (2.24, 1.035, 1.019, 4, "van", "", 1),
    "vehicle.carlamotors.carlacola": (2.602, 1.307, 1.234, 4, "truck", "", 1),
    "vehicle.carlamotors.firetruck": (4.234, 1.446, 1.914, 4, "truck", "emergency", 2),
    "vehicle.ford.ambulance": (3.18, 1.175, 1.215, 4, "van", "emergency", 2),
    "vehicle.dodge.charger_police_2020": (2.618, 1.048, 0.82, 4, "car", "emergency", 2),
    "vehicle.bh.crossbike": (0.744, 0.43, 0.54, 2, "bicycle", "", 1),
    "vehicle.diamondback.century": (0.829, 0.186, 0.591, 2, "bicycle", "", 1),
    "vehicle.gazelle.omafiets": (0.921, 0.167, 0.585, 2, "bicycle", "", 1),
    "vehicle.kawasaki.ninja": (1.015, 0.402, 0.575, 2, "motorcycle", "", 1),
    "vehicle.harley-davidson.low_rider": (1.177, 0.382, 0.638, 2, "motorcycle", "", 1),
}
PROPS = {
    "static.prop.trafficwarning": (1.185, 1.43, 1.77),
    "static.prop.constructioncone": (0.172, 0.172, 0.293),
    "static.prop.container": (1.93, 0.93, 1.0),
    "static.prop.dirtdebris01": (0.9, 0.9, 0.03),
    "static.prop.dirtdebris02": (0.9, 0.9, 0.03),
    "static.prop.warningaccident": (0.9, 0.9, 0.6),
    "static.prop.warningconstruction": (0.6, 0.6, 0.6),
    "static.prop.streetbarrier": (0.62, 0.18, 0.53),
    "static.prop.vendingmachine": (0.45, 0.45, 1.0),
    "static.prop.mesh": (2.3, 1.0, 0.75),
}
FLAT = ("static.prop.dirtdebris01", "static.prop.dirtdebris02")  # are driven over
WALKERS = tuple(f"walker.pedestrian.{number:04d}" for number in range(1, 6))
TRAFFIC = {
    "traffic.traffic_light": (0.3, 0.3, 1.5),
    "traffic.stop": (0.2, 0.2, 1.2),
    "traffic.yield": (0.2, 0.2, 1.2),
}

LENS = {
    "lens_circle_falloff": "5.0",
    "lens_circle_multiplier": "0.0",
    "lens_k": "-1.0",
    "lens_kcube": "0.0",
    "lens_x_size": "0.08",
    "lens_y_size": "0.08",
}
IMAGE = {"image_size_x": (INT, "800"), "image_size_y": (INT, "600"), "fov": (FLOAT, "90.0")}
OPTICS = {
    "chromatic_aberration_intensity": "0.0",
    "chromatic_aberration_offset": "0.0",
    "gamma": "2.2",
    "motion_blur_intensity": "0.45",
    "exposure_compensation": "0.0",
}
LIDAR = {
    "range": "10.0",
    "rotation_frequency": "10.0",
    "upper_fov": "10.0",
    "lower_fov": "-30.0",
    "horizontal_fov": "360.0",
    "atmosphere_attenuation_rate": "0.004",
    "dropoff_general_rate": "0.45",
    "dropoff_intensity_limit": "0.8",
    "dropoff_zero_intensity": "0.4",
    "noise_stddev": "0.0",
}
RADAR = {"horizontal_fov": "30.0", "vertical_fov": "30.0", "range": "100.0"}
GNSS = {f"noise_{a}_{b}": "0.0" for a in ("alt", "lat", "lon") for b in ("bias", "stddev")}
IMU = {f"noise_{a}_stddev_{b}": "0.0" for a in ("accel", "gyro") for b in "xyz"} | {
    f"noise_gyro_bias_{b}": "0.0" for b in "xyz"
}


def _floats(values: dict[str, str]) -> dict[str, tuple[int, str]]:
    return {name: (FLOAT, value) for name, value in values.items()}


SEED = {"noise_seed": (INT, "0")}
POINTS = {"channels": (INT, "32"), "points_per_second": (INT, "56000")}
SENSORS: dict[str, dict[str, tuple[int, str]]] = {
    "sensor.camera.rgb": IMAGE | _floats(LENS) | _floats(OPTICS),
    "sensor.camera.depth": IMAGE | _floats(LENS),
    "sensor.camera.semantic_segmentation": IMAGE | _floats(LENS),
    "sensor.lidar.ray_cast": POINTS | _floats(LIDAR) | SEED,
    "sensor.other.radar": _floats(RADAR) | {"points_per_second": (INT, "1500")},
    "sensor.other.gnss": _floats(GNSS) | SEED,
    "sensor.other.imu": _floats(IMU) | SEED,
    "sensor.other.collision": {},
    "sensor.other.lane_invasion": {},
}
STREAMLESS = ("sensor.other.lane_invasion",)  # the client computes these events by itself


def box_of(blueprint: str) -> Box:
    """The bounding box of an actor of a blueprint, in its own frame."""
    if blueprint in VEHICLES:
        x, y, z = VEHICLES[blueprint][:3]
        return Box((0.0, 0.0, z), (x, y, z))
    if blueprint in WALKERS:
        return Box((0.0, 0.0, 0.0), (0.188, 0.188, 0.93))
    if blueprint in PROPS or blueprint in TRAFFIC:
        x, y, z = (PROPS | TRAFFIC)[blueprint]
        return Box((0.0, 0.0, z), (x, y, z))
    return Box()


def definitions() -> list[list[Any]]:
    """All blueprints as `get_actor_definitions` returns them."""
    return [
        [uid, name, ",".join(name.split(".")), attributes]
        for uid, (name, attributes) in enumerate(_blueprints(), 1)
    ]


def names() -> frozenset[str]:
    """The blueprints that can be spawned."""
    return frozenset(name for name, _ in _blueprints())


def _blueprints() -> Iterator[tuple[str, list[Any]]]:
    for name, (_, _, _, wheels, base, special, generation) in VEHICLES.items():
        yield (
            name,
            [
                _attribute("role_name", STRING, "autopilot"),
                _attribute("color", COLOR, "0,0,0", ["0,0,0", "255,255,255"]),
                _attribute("sticky_control", BOOL, "true"),
                _attribute("terramechanics", BOOL, "false"),
                _attribute("number_of_wheels", INT, str(wheels), fixed=True),
                _attribute("base_type", STRING, base, fixed=True),
                _attribute("special_type", STRING, special, fixed=True),
                _attribute("generation", INT, str(generation), fixed=True),
                _attribute("object_type", STRING, "", fixed=True),
                _attribute("has_lights", BOOL, "true", fixed=True),
            ],
        )
    for name in WALKERS:
        yield (
            name,
            [
                _attribute("role_name", STRING, "pedestrian"),
                _attribute("is_invincible", BOOL, "true"),
                _attribute("speed", FLOAT, "1.4", ["0.0", "1.4", "2.8"]),
                _attribute("gender", STRING, "female", fixed=True),
                _attribute("age", STRING, "adult", fixed=True),
                _attribute("generation", INT, "1", fixed=True),
            ],
        )
    for name, (x, y, z) in PROPS.items():
        size = "big" if x * y * z > 1 else "small"
        yield (
            name,
            [
                _attribute("role_name", STRING, "prop"),
                _attribute("size", STRING, size, fixed=True),
                *([_attribute("mesh_path", STRING, "")] if name.endswith(".mesh") else []),
            ],
        )
    for name, given in SENSORS.items():
        rest = [_attribute(key, kind, value) for key, (kind, value) in given.items()]
        ticks = [] if name in STREAMLESS else [_attribute("sensor_tick", FLOAT, "0.0")]
        yield name, [_attribute("role_name", STRING, "front"), *ticks, *rest]
    yield "controller.ai.walker", [_attribute("role_name", STRING, "default")]


def _attribute(
    name: str, kind: int, value: str, choices: list[str] | None = None, *, fixed: bool = False
) -> list[Any]:
    """[id, type, value, recommended values, may be changed, only recommended values]."""
    kind += spoken().first_type
    return [name, kind, value, choices or [], not fixed, False]
