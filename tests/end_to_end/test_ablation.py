"""The rows of the ablation are sound, and what is compared is what the commands gave."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from auxdrive.errors import AuxdriveError, ConfigError
from auxdrive_train.engine.config_files import parse_config

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))  # it is no package
from ablation import Ablation, chosen_rows, compared, load

ROOT = Path(__file__).resolve().parents[2]


def of_seed(score: float, ade_m: float) -> dict[str, Any]:
    infractions = ["collisions_pedestrian", "collisions_vehicle", "collisions_layout", "red_light"]
    infractions += ["stop_infraction", "outside_route_lanes", "vehicle_blocked", "route_dev"]
    scores = {"score_composed": score, "score_route": 50.0, "score_penalty": 1.0}
    record = {"scores": scores, "infractions": dict.fromkeys(infractions, 0.0)}
    checkpoint = {"global_record": record, "records": [{"scores": scores}]}
    metrics: dict[str, Any] = {"val": {"student": {"ade_m": ade_m}, "teacher": {"ade_m": 0.0}}}
    return {"train": {"metrics": metrics, "trained_s": 1.0}, "drive": {"_checkpoint": checkpoint}}


def test_every_row_is_a_config_and_changes_one_thing_of_the_reference() -> None:
    ablation = load(ROOT / "benchmarks" / "ablation.yaml")
    configs = {row: parse_config(ablation.training(row, 2)) for row in ablation.rows}
    reference = configs[ablation.reference]
    assert (reference.ema, reference.seed, reference.augment.view_shift) == (0.999, 2, 0.5)
    assert configs["last-weights"].ema is None
    for row, config in configs.items():
        if row != ablation.reference:
            ours, theirs = config.model_dump(), reference.model_dump()
            assert len([key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]) == 1
    assert chosen_rows(ablation, "pilotnet") == ["recipe", "pilotnet"]
    with pytest.raises(AuxdriveError, match="no row pilotnte"):
        chosen_rows(ablation, "pilotnte")


def test_means_over_seeds_and_paired_differences() -> None:
    ablation = Ablation(data=(Path("data"),), rows={"a": {}, "b": {}}, reference="a", routes="1")
    found = {
        "a": [of_seed(10.0, 1.0), of_seed(20.0, 2.0), of_seed(30.0, 3.0)],
        "b": [of_seed(15.0, 1.0), of_seed(25.0, 1.0), of_seed(35.0, 1.0)],
    }
    result = compared(found, ablation)
    assert result["table"]["a"]["driven"]["DS"]["values"] == [10.0, 20.0, 30.0]
    assert result["table"]["b"]["open loop"]["ade_m"]["mean"] == 1.0
    difference = result["against a"]["b"]["over seeds"]
    assert (difference["mean"], difference["pairs"]) == (pytest.approx(5.0), 3)


def test_a_file_without_its_reference_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.yaml"
    file.write_text("data: data\nrows: {a: {}}\nreference: b\nroutes: '1'\n")
    with pytest.raises(ConfigError, match="no row 'b'"):
        load(file)
