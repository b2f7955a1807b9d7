"""Draw docs/images/overview.png: what the sensors of a recording see, and a route that the student
of a finished demo drove.

auxdrive collect --out sensors --episodes 3 && python docs/make_overview.py demo sensors
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.inspection.painting import paint
from auxdrive.modalities import Modality
from auxdrive_eval.driving.settings import read_settings
from auxdrive_eval.driving.stored.plan import read_plan
from auxdrive_eval.driving.stored.route_files import load_route
from auxdrive_eval.road_maps.town_map import LaneLine
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.settings import make_simulator
from matplotlib import pyplot
from matplotlib.axes import Axes
from PIL import Image

OUT = Path(__file__).resolve().parent / "images" / "overview.png"


def main() -> None:
    """Draw the plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("demo", type=Path)
    parser.add_argument("recording", type=Path, help="a data set with all sensors")
    arguments = parser.parse_args()
    demo: Path = arguments.demo
    drive = demo / "drives" / "student"
    driven = {
        index: stored
        for index in range(len(list((drive / "routes").glob("0*"))))
        if (stored := load_route(drive, index)) is not None
    }
    best = max(driven, key=lambda index: driven[index].record.scores.score_composed)
    figure, axes = pyplot.subplot_mosaic(
        [["rgb", "depth", "map"], ["segmentation", "lidar", "map"], ["f0", "f1", "f2"]],
        figsize=(11, 5.6), width_ratios=[1, 1, 1.05], layout="constrained",
    )  # fmt: skip
    sensors(arguments.recording, axes)
    route = read_plan(drive)[best]
    simulator = make_simulator(read_settings(drive).simulator, sensors=False)
    path(simulator.town_map(route.town).lanes, route, driven[best].trace, axes["map"])
    shots = driven[best].film
    for place, shot in zip(
        ("f0", "f1", "f2"), np.linspace(1, len(shots) - 2, 3).round().astype(int), strict=True
    ):
        time_s, data = shots[shot]
        axes[place].imshow(Image.open(io.BytesIO(data)))
        axes[place].set_title(f"student, {time_s:.0f} s", fontsize=9)
    for axis in axes.values():
        axis.set_xticks([])
        axis.set_yticks([])
    OUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUT, dpi=90)


def sensors(data: Path, axes: dict[str, Axes]) -> None:
    """One recorded instant through all four sensors."""
    dataset = Dataset.open(data)
    episode = dataset.episode(dataset.split("train")[0])
    frame = len(episode) // 3
    for name in ("rgb", "depth", "segmentation", "lidar"):
        modality = Modality(name)
        axes[name].imshow(paint(modality, np.asarray(episode.frames(modality)[frame])))
        axes[name].set_title(
            {"rgb": "RGB: what the student sees", "lidar": "LiDAR from above"}.get(name, name),
            fontsize=9,
        )


def path(lanes: Sequence[LaneLine], route: Route, trace: np.ndarray, axis: Axes) -> None:
    """The lanes near the route, the route, and the driven path."""
    for line, _ in lanes:
        axis.plot(
            line[:, 0], line[:, 1], color="#c9d1db", linewidth=3, solid_capstyle="round", zorder=1
        )
    axis.plot(
        route.points[:, 0],
        route.points[:, 1],
        color="#5b8def",
        linewidth=4,
        alpha=0.5,
        label="route",
        zorder=2,
    )
    axis.plot(
        trace["x_m"],
        trace["y_m"],
        color="#b3261e",
        linewidth=1.3,
        label="driven by the student",
        zorder=3,
    )
    low, high = route.points.min(axis=0) - 40, route.points.max(axis=0) + 40
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axis.legend(fontsize=8, loc="lower right", frameon=False)
    axis.set_title("closed loop in an unseen town", fontsize=9)


if __name__ == "__main__":
    main()
