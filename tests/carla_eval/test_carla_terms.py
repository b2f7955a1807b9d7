"""CARLA's versions, settings and terms, without a server."""

from __future__ import annotations

import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from auxdrive.errors import SimulatorError
from auxdrive.modalities import SEGMENTATION_CLASSES
from auxdrive_eval.simulators.carla.ego.contacts import kind_of
from auxdrive_eval.simulators.carla.versions import Version, agreed_version
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from auxdrive_eval.world import CollisionKind


def test_an_ego_whose_axles_are_not_known_is_refused() -> None:
    options = {"ego": "vehicle.of.nobody"}
    with pytest.raises(SimulatorError, match=r"axles of 'vehicle.of.nobody'"):
        make_simulator(SimulatorSettings(kind="carla", options=options))


@pytest.mark.parametrize(
    ("type_id", "kind"),
    [
        ("walker.pedestrian.0001", CollisionKind.PEDESTRIAN),
        ("vehicle.audi.tt", CollisionKind.VEHICLE),
        ("static.building", CollisionKind.LAYOUT),
        ("traffic.traffic_light", CollisionKind.LAYOUT),
        ("static.sidewalk", None),
    ],
)
def test_kinds_of_collisions(type_id: str, kind: CollisionKind | None) -> None:
    assert kind_of(type_id) is kind


def test_where_the_server_is_decides_nothing_that_is_stored() -> None:
    options = {"host": "carla.example", "port": 3000, "carla_root": "/opt/carla", "wait_s": 1.0}
    stored = SimulatorSettings(kind="carla", options=options).model_dump()
    assert stored == SimulatorSettings(kind="carla").model_dump()
    assert SimulatorSettings(kind="carla", options=options) == SimulatorSettings(kind="carla")


def test_no_server_says_how_to_start_one(caplog: pytest.LogCaptureFixture) -> None:
    nobody = SimulatorSettings(kind="carla", options={"port": 2999, "wait_s": 0.0})
    with pytest.raises(SimulatorError, match=r"docker run .* -carla-rpc-port=2999"):
        make_simulator(nobody)
    assert "docker run" in caplog.text  # at once, before it waits


def test_client_and_server_have_one_version() -> None:
    assert agreed_version("0.9.16", "0.9.16-dirty") == Version(0, 9, 16)
    with pytest.raises(SimulatorError, match=r"client is CARLA 0\.9\.16, the server 0\.9\.15"):
        agreed_version("0.9.16", "0.9.15")
    with pytest.raises(SimulatorError, match="too old"):
        agreed_version("0.9.9", "0.9.9")


def test_tags_of_both_palettes_mean_the_same() -> None:
    labels = {int(label): name for name, label in carla.CityObjectLabel.names.items()}
    new, old = Version(0, 9, 16).class_of_tag, Version(0, 9, 13).class_of_tag
    named = {labels[tag]: SEGMENTATION_CLASSES[new[tag]] for tag in labels if tag < 29}
    assert named["RoadLines"] == "lane_marking"
    assert named["TrafficSigns"] == "traffic_sign"
    assert {named[name] for name in ("Car", "Truck", "Bus", "Motorcycle")} == {"vehicle"}
    assert {named[name] for name in ("Pedestrians", "Rider")} == {"pedestrian"}
    assert named["Sky"] == "sky"
    before = {6: "lane_marking", 7: "road", 10: "vehicle", 13: "sky", 18: "traffic_light"}
    assert {tag: SEGMENTATION_CLASSES[old[tag]] for tag in before} == before
