"""The task path_speed from recorded plans to a bundle that drives: trained, exported in int8 too,
verified, asked.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from auxdrive import cli
from auxdrive.bundles import Bundle
from auxdrive.checks.verify import verify_bundle
from auxdrive.controllers import make_controller
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.plan import ExpertPlan
from auxdrive.errors import DataError
from auxdrive.predictor import Predictor
from auxdrive.tasks.path_speed import PATH_SPEED, SPEED_CLASSES_MPS
from auxdrive.types import Observation
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train
from PIL import Image
from typer.testing import CliRunner


def with_plans(source: Path, out: Path) -> Path:
    """The same drives with all that the task asks for: the car goes to the target point's side, and
    stands in every second frame.
    """
    dataset = Dataset.open(source)
    on_m = np.arange(1.0, 21.0)
    for name in dataset.episode_ids:
        episode = dataset.episode(name)
        with EpisodeWriter(out, name, dataset.card.modalities, plans=True) as writer:
            for index, state in enumerate(np.array(episode.state)):
                for field, value in (("target_2_x_m", 40.0), ("target_3_x_m", 60.0 + index)):
                    state[field] = value
                state["target_2_y_m"] = state["target_3_y_m"] = index - 5.0
                state["command"], state["next_command"] = 1 + index % 2, 4 - index % 2
                state["standing_s"], state["moving_s"] = float(index % 3), float(index % 4)
                state["target_0_x_m"], state["target_0_y_m"] = -float(index), 0.5 * index
                state["last_command"] = 4 - index % 3
                side = 0.01 * np.sign(state["target_y_m"]) * on_m**2
                path = np.stack([on_m, side], axis=1)
                plan = ExpertPlan(path, np.zeros(4), 7.5 * (index % 2))
                frames = {m: np.array(episode.frames(m)[index]) for m in dataset.card.modalities}
                writer.append(frames, state, plan=plan)
    write_card(out, dataset.card)
    return out


def config_of(data: Path, **more: object) -> dict[str, object]:
    return {
        "data": str(data), "task": "path_speed", "preprocessing": {"size": [64, 80]},
        "batch_size": 8, "threads": 1, "epochs": 1, "augment": {"mirror": 0.5}, **more,
    }  # fmt: skip


def test_from_plans_to_a_bundle_that_drives(small_data: Path, tmp_path: Path) -> None:
    data, run, bundle = (tmp_path / name for name in ("data", "run", "bundle"))
    train(parse_config(config_of(with_plans(small_data, data))), run)
    found = json.loads((run / "result.json").read_text())
    assert {"plan_error_m", "path_at_20_m", "speed_mae_mps", "acc_stop", "stop_brier_score"} <= set(
        found["metrics"]["val"]["student"]
    )
    told = CliRunner().invoke(cli.build_app(), ["export", str(run), "--out", str(bundle)])
    assert told.exit_code == 0, (told.output, told.exception)
    report = verify_bundle(bundle)
    assert report.passed, report.checks
    assert {f"depends on {name}" for name in PATH_SPEED.ego_inputs} <= {
        check.name for check in report.checks
    }

    image = Bundle.open(bundle).read_array("reference/images.npy")[0]
    known = (4.5, (20.0, 2.0), 1, (40.0, -4.0, 61.0, -4.0), 3, 1.0, 2.0, (-3.0, 0.5), 4)
    with Predictor.load(bundle) as predictor:
        prediction = predictor.predict(Observation(image, 0.0, *known))
        controller = make_controller("path_speed", predictor.steering, predictor.vehicle)
    assert prediction.flags == frozenset()
    shares = prediction.values["speed_shares"]
    assert shares.sum() == pytest.approx(1.0, abs=1e-5)
    assert prediction.values["target_speed_mps"][0] == pytest.approx(
        float(shares @ np.array(SPEED_CLASSES_MPS)), abs=1e-4
    )
    control = controller.step(prediction, 4.5, 0.0)
    assert controller.stop_reason == ""
    assert abs(control.steer_rad) < 0.7

    Image.fromarray(image).save(tmp_path / "0.png")
    given = ["--speed", "4.5", "--target", "20,2", "--next-targets", "40,-4,61,-4"]
    given += ["--command", "1", "--next-command", "3", "--standing", "1", "--moving", "2"]
    given += ["--last-target", "-3,0.5", "--last-command", "4"]
    asked = ["predict", str(bundle), str(tmp_path / "0.png"), *given, "--json"]
    asked += ["--overlay", str(tmp_path / "drawn")]
    told = CliRunner().invoke(cli.build_app(), asked)
    assert told.exit_code == 0, (told.output, told.exception)
    (record,) = json.loads(told.stdout)["predictions"]
    np.testing.assert_array_equal(np.float32(record["speed_shares"]), shares)
    assert list((tmp_path / "drawn").iterdir())


def test_data_without_plans_say_what_they_lack(small_data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no record holds the expert's plan \(plan"):
        train(parse_config(config_of(small_data)), tmp_path / "run")
