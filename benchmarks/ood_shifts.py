"""Recordings by day and of what a day's student has not seen: routes of the embedded simulator,
each in a weather that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.episode_files import write_card
from auxdrive.modalities import Modality
from auxdrive_eval.collecting.disturbances import Disturbing
from auxdrive_eval.collecting.record import EpisodePlan, record_episode
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.weather import Weather

CAMERA = CameraSpec(width=128, height=72, fov_deg=100.0, x_m=1.7, z_m=1.6)
OTHER_LENS = CAMERA.model_copy(update={"fov_deg": 70.0})
OTHER_MOUNT = CAMERA.model_copy(update={"pitch_rad": 0.12, "z_m": 1.2})
RATE_HZ, MAX_EPISODE_S = 4.0, 60.0

DAY = Weather(cloudiness=30.0, sun_altitude_deg=60.0)
CLOUDY_DAY = Weather(cloudiness=85.0, sun_altitude_deg=45.0)
NIGHT = Weather(cloudiness=30.0, sun_altitude_deg=-12.0)
DUSK = Weather(cloudiness=30.0, sun_altitude_deg=4.0)
FOG = Weather(cloudiness=70.0, fog_density=60.0, sun_altitude_deg=45.0)
RAIN = Weather(cloudiness=90.0, precipitation=80.0, wetness=90.0, sun_altitude_deg=45.0)


class InWeather(EmbeddedSimulator):
    """The embedded simulator, with one weather for all routes, or two in turn.

    Args:
        weathers: in turn by the route's seed.
        camera: that records.
    """

    def __init__(self, weathers: Sequence[Weather], camera: CameraSpec = CAMERA) -> None:
        super().__init__(camera=camera)
        self._weathers = weathers

    def random_route(
        self, seed: int, min_length_m: float = 150.0, max_length_m: float = 400.0
    ) -> Route:
        """The route of that seed, in another weather."""
        weather = self._weathers[seed % len(self._weathers)]
        return replace(super().random_route(seed, min_length_m, max_length_m), weather=weather)


def record(
    out: Path, splits: Mapping[str, Sequence[int]], simulator: EmbeddedSimulator, seed: int
) -> None:
    """Record an episode for each route seed, with RGB alone; what is there is not made again.

    Args:
        out: the new data set's folder.
        splits: the route seeds of each split.
        simulator: that drives and draws.
        seed: of traffic and disturbances.
    """
    if (out / "dataset.json").exists():
        return
    names: dict[str, list[str]] = {}
    for split, routes in splits.items():
        for route in routes:
            name = f"r{route:04d}"
            names.setdefault(split, []).append(name)
            if not (out / "episodes" / name).exists():
                plan = EpisodePlan(0, name, route, seed * 10_000 + route, seed * 10_000 + route)
                record_episode(
                    simulator, out, plan, [Modality.RGB],
                    ticks_per_frame=round(1 / (RATE_HZ * simulator.tick_s)),
                    max_episode_s=MAX_EPISODE_S, disturbing=Disturbing(),
                )  # fmt: skip
    write_card(
        out,
        DatasetCard(
            name=out.name, rate_hz=RATE_HZ, modalities=(Modality.RGB,), camera=simulator.camera,
            steering=simulator.steering, vehicle=simulator.vehicle, source="embedded simulator",
            splits={split: tuple(each) for split, each in names.items()},
        ),
    )  # fmt: skip


TRAINED_TOWNS = range(2000, 2026)
KNOWN_AGAIN = TRAINED_TOWNS[:6]
"""Towns of the training part that are recorded again, with other traffic and disturbances."""
VALIDATION_TOWNS = range(2100, 2106)
CHOOSING_TOWNS = range(2200, 2204)
"""Towns of the shifts on which the method is chosen."""
TEST_TOWNS = range(2300, 2306)
SHIFTS: dict[str, tuple[Weather, CameraSpec]] = {
    "night": (NIGHT, CAMERA),
    "dusk": (DUSK, CAMERA),
    "fog": (FOG, CAMERA),
    "rain": (RAIN, CAMERA),
    "field of view 70 instead of 100 degrees": (DAY, OTHER_LENS),
    "camera 0.4 m lower, 7 degrees down": (DAY, OTHER_MOUNT),
}
CHOSEN_ON = ("night", "fog", "field of view 70 instead of 100 degrees")


def record_all(root: Path) -> None:
    """Record everything that `benchmarks/ood.py` needs; what is there is not made again."""
    days = (DAY, CLOUDY_DAY)
    student = {"train": TRAINED_TOWNS, "val": VALIDATION_TOWNS}
    record(root / "student", student, InWeather(days), 0)
    record(root / "known", {"test": KNOWN_AGAIN}, InWeather(days), 1)
    record(root / "choosing" / "day", {"test": CHOOSING_TOWNS}, InWeather(days), 0)
    record(root / "test" / "day", {"test": TEST_TOWNS}, InWeather(days), 0)
    for name, (weather, camera) in SHIFTS.items():
        simulator = InWeather((weather,), camera)
        record(root / "test" / name, {"test": TEST_TOWNS}, simulator, 0)
        if name in CHOSEN_ON:
            record(root / "choosing" / name, {"test": CHOOSING_TOWNS}, simulator, 0)
