"""Telemetry of a driving loop as MCAP."""

from __future__ import annotations

import base64
import io
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive import MissingExtra
from auxdrive.telemetry import open_telemetry
from looping import Drive, frames, image, messages
from PIL import Image

pytestmark = pytest.mark.usefixtures("threads_end")


def test_mcap_without_its_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcap", None)
    monkeypatch.delitem(sys.modules, "mcap.writer", raising=False)
    monkeypatch.delitem(sys.modules, "auxdrive.telemetry.mcap_file", raising=False)
    with pytest.raises(MissingExtra, match=r"auxdrive\[mcap\]"):
        open_telemetry(tmp_path / "drive.mcap")
    assert list(tmp_path.iterdir()) == []


def test_mcap_holds_images_predictions_and_commands(waypoint_bundle: Path, tmp_path: Path) -> None:
    reading = pytest.importorskip("mcap.reader")
    path = tmp_path / "drive.mcap"
    drive = Drive(waypoint_bundle, frames(20), telemetry=path)
    health = drive.run()
    with path.open("rb") as file:
        summary = reading.make_reader(file).get_summary()
    topics = {channel.topic: channel for channel in summary.channels.values()}
    assert set(topics) >= {"/begin", "/camera", "/prediction", "/waypoints", "/control", "/end"}
    schemas = {topic: summary.schemas[channel.schema_id].name for topic, channel in topics.items()}
    assert schemas["/camera"] == "foxglove.CompressedImage"
    assert schemas["/waypoints"] == "foxglove.PosesInFrame"
    found = messages(path)
    assert len(found["/control"]) == health.ticks
    assert len(found["/camera"]) == len(found["/prediction"]) == health.predictions
    _, shown = found["/camera"][0]
    assert Image.open(io.BytesIO(base64.b64decode(shown["data"]))).size == (32, 24)
    at_ns, prediction = found["/prediction"][0]
    _, poses = found["/waypoints"][0]
    first = poses["poses"][0]["position"]
    assert [first["x"], first["y"]] == prediction["waypoints_ego_m"][0]
    assert shown["timestamp"]["sec"] == at_ns // 10**9
    assert abs(at_ns / 1e9 - time.time()) < 60


def test_schemas_say_the_type_of_every_value(tmp_path: Path) -> None:
    module = pytest.importorskip("auxdrive.telemetry.mcap_file")
    value = {"a": 1.5, "b": [[1.0]], "c": [], "d": None, "e": {"f": "text", "g": True}}
    schema = module.schema_of(value)
    assert schema["properties"]["b"]["items"] == {"type": "array", "items": {"type": "number"}}
    assert schema["properties"]["e"]["properties"]["g"] == {"type": "boolean"}

    def typed(part: Any) -> bool:
        inner = [
            *part.get("properties", {}).values(),
            *([part["items"]] if "items" in part else []),
        ]
        return "type" in part and all(map(typed, inner))

    assert typed(schema)
    assert typed(module.IMAGE)
    assert typed(module.POSES)


def test_an_image_that_cannot_be_encoded_ends_the_telemetry_alone(tmp_path: Path) -> None:
    pytest.importorskip("mcap")
    file = open_telemetry(tmp_path / "drive.mcap")
    with pytest.raises(TypeError, match="data type"):
        file.image(1, 0.0, np.zeros((2, 3, 5, 7), np.float32))  # type: ignore[arg-type]
    file.image(2, 0.0, image())
    file.close()
    file.close()
    assert len(messages(tmp_path / "drive.mcap")["/camera"]) == 1
