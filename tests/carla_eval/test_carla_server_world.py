"""The stock client and what else there is in the test server's world: hits, lanes, lights, weather,
batches, episodes, other clients.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from carla_server.process import ServerProcess, free_port
from stock_client import attach, running, vehicle

TOWNS = Path(__file__).resolve().parents[3] / "shared" / "carla" / "xodr"


def drive(world: Any, steps: int) -> list[int]:
    """The frames of so many ticks."""
    return [world.tick() for _ in range(steps)]


def test_a_hit_stops_the_ego_and_says_whom_it_hit() -> None:
    with running() as (server, _, world):
        ego = vehicle(world)
        other = vehicle(world, x=40.0)
        sensor, hits = attach(server, world, ego, "sensor.other.collision")
        ego.apply_control(carla.VehicleControl(throttle=1.0))
        frames = drive(world, 80)
        first = hits.get(timeout=5.0)
        assert first.other_actor.id == other.id
        assert first.actor.id == ego.id
        assert first.frame in frames
        assert first.normal_impulse.x < -1000.0
        assert sensor.is_alive
        lengths = ego.bounding_box.extent.x + other.bounding_box.extent.x
        assert lengths < ego.get_location().distance(other.get_location()) < lengths + 1.0
        other.apply_control(carla.VehicleControl(throttle=1.0, steer=float("nan")))
        drive(world, 40)
        assert other.get_velocity().x > 3.0  # who drives away is let go


def test_a_walker_and_a_prop_are_hit_and_nothing_is_hit_without_collisions() -> None:
    with running() as (server, _, world):
        library = world.get_blueprint_library()
        ego = vehicle(world)
        place = carla.Transform(carla.Location(40.0, -4.5, 1.0))
        walker = world.spawn_actor(library.find("walker.pedestrian.0001"), place)
        walker.apply_control(carla.WalkerControl(carla.Vector3D(y=1.0), 2.0))
        bumper, hits = attach(server, world, ego, "sensor.other.collision")
        drive(world, 63)
        assert walker.get_velocity().y == pytest.approx(2.0)
        assert walker.get_location().y == pytest.approx(1.8, abs=0.05)
        walker.apply_control(carla.WalkerControl(carla.Vector3D(y=1.0), 0.0))
        ego.apply_control(carla.VehicleControl(throttle=1.0))
        drive(world, 80)
        assert hits.get(timeout=5.0).other_actor.id == walker.id
        walker.destroy()
        cone = library.find("static.prop.constructioncone")
        prop = world.spawn_actor(cone, carla.Transform(carla.Location(60.0, 1.75, 0.0)))
        prop.set_collisions(False)
        dirt = library.find("static.prop.dirtdebris01")
        assert world.spawn_actor(dirt, carla.Transform(carla.Location(55.0, 1.75, 0.0)))
        while not hits.empty():
            hits.get()
        drive(world, 80)
        assert ego.get_location().x > 62.0
        assert bumper.is_alive
        assert hits.empty()


def test_the_client_sees_lanes_crossed() -> None:
    with running() as (server, _, world):
        ego = vehicle(world)
        sensor, crossed = attach(server, world, ego, "sensor.other.lane_invasion")
        ego.apply_control(carla.VehicleControl(throttle=0.8, steer=0.1))
        drive(world, 60)
        assert sensor.is_alive
        kinds = [mark.type for mark in crossed.get(timeout=5.0).crossed_lane_markings]
        assert kinds in ([carla.LaneMarkingType.Broken], [carla.LaneMarkingType.Solid])


def test_lights_change_freeze_and_are_seen_by_who_stands_there() -> None:
    with running() as (_, _, world):
        light = world.get_actors().filter("traffic.traffic_light")[0]
        assert light.get_opendrive_id() == "901"
        light.set_green_time(1.0)
        light.set_yellow_time(0.5)
        light.set_red_time(0.5)
        world.reset_all_traffic_lights()
        shown = []
        for _ in range(45):
            world.tick()
            shown.append(str(light.get_state()))
        assert [shown.count(s) for s in ("Green", "Yellow", "Red")] == [25, 10, 10]
        light.set_state(carla.TrafficLightState.Red)
        light.freeze(True)
        drive(world, 100)
        assert light.is_frozen()
        assert light.get_state() == carla.TrafficLightState.Red
        zone = light.get_transform()
        middle = zone.transform(carla.Location(light.trigger_volume.location))
        ego = vehicle(world, middle.x, middle.y)
        world.tick()
        assert ego.is_at_traffic_light()
        ego.apply_control(carla.VehicleControl(throttle=1.0))
        drive(world, 30)
        assert not ego.is_at_traffic_light()
        ego.set_transform(carla.Transform(middle))
        world.tick()
        assert ego.get_traffic_light().id == light.id
        assert ego.get_traffic_light_state() == carla.TrafficLightState.Red
        stop = world.get_actors().filter("traffic.stop")[0]
        assert stop.trigger_volume.extent.x == pytest.approx(1.75, abs=0.01)
        signs = world.get_environment_objects(carla.CityObjectLabel.TrafficSigns)
        assert [sign.name for sign in signs] == ["traffic.stop_902"]
        assert len(world.get_level_bbs(carla.CityObjectLabel.TrafficSigns)) == 1


def test_weather_spectator_drawings_and_lamps_come_back() -> None:
    with running() as (server, _, world):
        world.set_weather(carla.WeatherParameters(cloudiness=12.0, sun_altitude_angle=-5.0))
        assert world.get_weather().cloudiness == pytest.approx(12.0)
        spectator = world.get_spectator()
        spectator.set_transform(carla.Transform(carla.Location(1.0, 2.0, 3.0)))
        ego = vehicle(world)
        ego.set_light_state(carla.VehicleLightState.Brake)
        world.debug.draw_point(carla.Location())
        world.tick()
        assert spectator.get_location().distance(carla.Location(1.0, 2.0, 3.0)) < 1e-4
        assert ego.get_light_state() == carla.VehicleLightState.Brake
        assert server.report()["shapes"] == 1
        assert len(ego.get_physics_control().wheels) == 4


def test_batches() -> None:
    with running() as (server, client, world):
        command = carla.command
        blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
        poses = [carla.Transform(carla.Location(20.0 + 10 * i, -1.75, 0.1)) for i in range(3)]
        spawned = client.apply_batch_sync(
            [
                command.SpawnActor(blueprint, pose).then(
                    command.ApplyVehicleControl(command.FutureActor, carla.VehicleControl(0.5))
                )
                for pose in [*poses, poses[0]]
            ],
            True,
        )
        assert "collision" in spawned[3].error
        ids = [one.actor_id for one in spawned[:3]]
        drive(world, 10)
        cars = world.get_actors(ids)
        assert all(car.get_velocity().x > 0.5 for car in cars)
        client.apply_batch([command.ApplyTransform(ids[0], poses[2]) for _ in range(1)])
        ended = client.apply_batch_sync([command.DestroyActor(i) for i in [*ids, ids[0]]], True)
        assert [bool(one.error) for one in ended] == [False, False, False, True]
        assert not [name for name in server.report()["actors"] if name.startswith("vehicle")]


def test_a_new_episode_has_no_old_actors_and_resets_the_settings() -> None:
    with running() as (server, client, world):
        vehicle(world)
        world.tick()
        world = client.reload_world()
        assert not world.get_settings().synchronous_mode
        assert not world.get_actors().filter("vehicle.*")
        with pytest.raises(RuntimeError, match="not found"):
            client.load_world("Town99")
        xodr = world.get_map().to_opendrive().replace('length="200.0"', 'length="100.0"', 1)
        world = client.generate_opendrive_world(xodr)
        assert world.get_map().name == "Carla/Maps/OpenDriveMap"
        assert server.report()["failures"] == []


@pytest.mark.skipif(not TOWNS.is_dir(), reason="needs the towns of ../shared")
def test_a_real_town() -> None:
    with running("--town", "Town02", "--xodr", str(TOWNS)) as (_, client, world):
        town = world.get_map()
        assert town.name == "Carla/Maps/Town02"
        lights = world.get_actors().filter("traffic.traffic_light")
        assert len(lights) == 24
        assert {len(light.get_group_traffic_lights()) for light in lights} == {3}
        for light in lights:
            volume = light.trigger_volume
            middle = light.get_transform().transform(carla.Location(volume.location))
            assert not town.get_waypoint(middle).is_junction
        drive(world, 5)
        assert sum(str(light.get_state()) == "Green" for light in lights) == len(lights) // 3
        blueprint = world.get_blueprint_library().find("vehicle.lincoln.mkz_2020")
        points = town.get_spawn_points()
        assert len(points) > 80
        assert all(world.try_spawn_actor(blueprint, pose) for pose in points)
        assert client.load_world("Town01").get_map().name == "Carla/Maps/Town01"


def test_two_clients_and_many_that_come_and_go() -> None:
    with running() as (server, _, world):
        ego = vehicle(world)
        world.tick()
        other = carla.Client("127.0.0.1", server.port)
        other.set_timeout(5.0)
        seen = other.get_world()
        until = time.monotonic() + 5.0
        while seen.get_snapshot().frame == 0:  # its subscription takes a moment
            world.tick()
            assert time.monotonic() < until
        assert seen.get_snapshot().find(ego.id)
        sensor, images = attach(server, seen, seen.get_actor(ego.id), "sensor.camera.rgb")
        frame = world.tick()
        assert images.get(timeout=5.0).frame == frame
        sensor.destroy()
        del seen, other, sensor, images
        before = server.report()
        for _ in range(50):
            guest = carla.Client("127.0.0.1", server.port)
            guest.set_timeout(5.0)
            guest.get_world().get_settings()
            del guest
        world.tick()
        after = server.report()
        assert after["connections"] <= before["connections"]
        assert after["streams"] <= before["streams"]
        assert after["actors"] == before["actors"]


def test_the_clients_traffic_manager_drives() -> None:
    """In a process of its own: the stock traffic manager takes its process along when it fails."""
    code = """
        import sys
        import carla
        client = carla.Client("127.0.0.1", int(sys.argv[1]))
        client.set_timeout(5.0)
        world = client.get_world()
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        world.apply_settings(settings)
        manager = client.get_trafficmanager(int(sys.argv[2]))
        manager.set_synchronous_mode(True)
        manager.set_random_device_seed(7)
        manager.global_percentage_speed_difference(20.0)
        blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
        blueprint.set_attribute("role_name", "hero")
        pose = carla.Transform(carla.Location(20.0, 1.75, 0.1))
        car = world.spawn_actor(blueprint, pose)
        world.tick()
        car.set_autopilot(True, manager.get_port())
        for _ in range(200):
            world.tick()
        x, y, speed = car.get_location().x, car.get_location().y, car.get_velocity().x
        car.set_autopilot(False, manager.get_port())
        manager.set_synchronous_mode(False)
        manager.shut_down()
        print(x, y, speed, flush=True)
    """
    with ServerProcess() as server:
        found = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), str(server.port), str(free_port())],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert found.returncode == 0, found.stderr
        x, y, speed = (float(number) for number in found.stdout.split()[-3:])
        assert speed == pytest.approx(30 / 3.6 * 0.8, abs=0.5)  # 20 % below the limit
        assert x > 40.0
        assert y == pytest.approx(1.75, abs=0.5)
        assert server.report()["calls"]["apply_batch"] >= 150


def test_what_is_not_served_fails_the_test() -> None:
    def ask_for_bones() -> None:
        with running() as (_, _, world):
            place = carla.Transform(carla.Location(40.0, -8.0, 1.0))
            library = world.get_blueprint_library()
            walker = world.spawn_actor(library.find("walker.pedestrian.0001"), place)
            with pytest.raises(RuntimeError, match="not served"):
                walker.get_bones()

    with pytest.raises(AssertionError, match="get_bones_transform"):
        ask_for_bones()
