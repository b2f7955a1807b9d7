"""After a collision, the ego and the car that it hit do not block each other for ever."""

from __future__ import annotations

from auxdrive.types import Control
from auxdrive_eval.simulators.embedded.ego.contacts import TOWED_AFTER_S
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.world import CollisionKind


def ram(
    seed: int, seconds: float
) -> tuple[EmbeddedSimulator, list[tuple[float, set[int], set[int], float]]]:
    """Drive a route with full throttle. For each tick: the time, the cars in contact, all cars, the
    ego's speed.
    """
    simulator = EmbeddedSimulator(render=False, traffic=60)
    simulator.reset(simulator.random_route(seed), seed)
    ticks = []
    for _ in range(round(seconds / simulator.tick_s)):
        state = simulator.step(Control(simulator.expert().steer_rad, 0.6, 0.0))
        cars = {car.car_id for car in simulator.scene().cars}
        hit = {
            contact.other_id for contact in state.contacts if contact.kind is CollisionKind.VEHICLE
        } & cars
        ticks.append((state.time_s, hit, cars, state.speed_mps))
    return simulator, ticks


def test_a_car_that_stands_in_touch_with_the_ego_is_towed_and_the_ego_drives_on() -> None:
    simulator, ticks = ram(seed=1001, seconds=25.0)
    hit_s, (car_id,) = next((time_s, hit) for time_s, hit, _, _ in ticks if hit)
    gone_s = next(time_s for time_s, _, cars, _ in ticks if car_id not in cars)
    stood_s = [
        time_s for time_s, _, _, speed_mps in ticks if hit_s < time_s < gone_s and speed_mps < 0.1
    ]
    assert TOWED_AFTER_S - 0.1 < len(stood_s) * simulator.tick_s < TOWED_AFTER_S + 1.0
    assert max(speed_mps for time_s, _, _, speed_mps in ticks if time_s > gone_s) > 3.0
    assert all(car_id not in cars for time_s, _, cars, _ in ticks if time_s >= gone_s)
    simulator.close()


def test_a_car_that_drives_on_after_a_collision_stays_in_the_traffic() -> None:
    simulator, ticks = ram(seed=1002, seconds=25.0)
    hit = set().union(*(hit for _, hit, _, _ in ticks))
    assert hit
    assert hit <= ticks[-1][2]
    simulator.close()
