"""What an earlier image tells a student, where only motion can tell it: how far a bright stripe has
moved since the image before. R2 on unseen episodes, with one image and with two.

    python benchmarks/earlier_images.py [--epochs N] [--out FILE]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from auxdrive.cards import CameraSpec, DatasetCard, VehicleSpec
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.state import STATE_DTYPE
from auxdrive.modalities import Modality
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train
from record import RESULTS, write_result

HEIGHT, WIDTH, STEPS, PERIOD_S = 64, 80, 40, 0.1
SPLITS = {
    "train": tuple(f"t{number}" for number in range(24)),
    "val": tuple(f"v{number}" for number in range(8)),
}
RAD_PER_PIXEL = 0.006


def main() -> None:
    """Train with one image and with two, and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--out", type=Path, default=RESULTS / "earlier_images.json")
    arguments = parser.parse_args()
    r2: dict[str, float | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder) / "data")
        for frames in (1, 2):
            values = {
                "data": str(Path(folder) / "data"), "backbone": "pilotnet_bn",
                "preprocessing": {"size": [HEIGHT, WIDTH]}, "epochs": arguments.epochs,
                "batch_size": 32, "lr": 2e-3, "threads": 1,
            }  # fmt: skip
            if frames > 1:
                values["history"] = {"frames": frames, "gap_s": PERIOD_S}
            result = train(parse_config(values), Path(folder) / f"run-{frames}")
            r2[str(frames)] = result.metrics["val"]["student"]["r2"]
            print(f"{frames} image(s): R2 {r2[str(frames)]}", flush=True)
    write_result(arguments.out, {"r2_by_images": r2})


def write_data(root: Path) -> None:
    """Drives in which a stripe jumps to a new place in each frame, with the same random numbers
    each time.
    """
    rng = np.random.default_rng(0)
    for name in (*SPLITS["train"], *SPLITS["val"]):
        with EpisodeWriter(root, name, (Modality.RGB,)) as writer:
            place = WIDTH // 2
            for step in range(STEPS):
                before, place = place, int(rng.integers(12, WIDTH - 12))
                image = rng.integers(0, 40, (HEIGHT, WIDTH, 3), dtype=np.uint8)
                image[:, place - 4 : place + 4] += 150
                state = np.zeros((), STATE_DTYPE)
                state["time_s"], state["speed_mps"] = step * PERIOD_S, 4.0
                state["x_m"] = 4.0 * step * PERIOD_S
                state["steer_rad"] = RAD_PER_PIXEL * (place - before) if step else 0.0
                writer.append({Modality.RGB: image}, state)
    card = DatasetCard(
        name="moving stripe", rate_hz=1 / PERIOD_S, modalities=(Modality.RGB,),
        camera=CameraSpec(width=WIDTH, height=HEIGHT, fov_deg=90.0, z_m=1.5),
        vehicle=VehicleSpec(name="none", wheelbase_m=2.8), splits=SPLITS,
    )  # fmt: skip
    write_card(root, card)


if __name__ == "__main__":
    main()
