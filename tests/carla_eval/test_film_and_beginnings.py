"""When and where an infraction began, and the images that show it; the other images are spread over
the distance driven.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.modalities import Modality
from auxdrive_eval.criteria import (
    Blocked,
    Collision,
    Criterion,
    Event,
    EventKind,
    InRoute,
    Moment,
    OutsideRouteLanes,
    StopSign,
)
from auxdrive_eval.criteria.blocked import BLOCKED_AFTER_S
from auxdrive_eval.driving.film import FILM_IMAGES, INFRACTION_IMAGES, Film
from auxdrive_eval.driving.runner import TRACE_DTYPE, RouteResult
from auxdrive_eval.driving.stored.route import stored_route
from auxdrive_eval.driving.stored.route_files import load_route, save_route
from auxdrive_eval.scoring.records import RouteMeta, make_record
from auxdrive_eval.world import CollisionKind, Contact, LaneView, StopSignView, WorldState
from states_by_hand import TICK_S, run, state, straight_route


class Camera:
    """A camera whose image shows the number of the tick."""

    def __init__(self) -> None:
        self.frame = 0

    def sense(self, _: object) -> dict[Modality, Any]:
        return {Modality.RGB: np.full((2, 2, 3), self.frame % 251, np.uint8)}


def film_of(states: Iterable[WorldState], criteria: tuple[Criterion, ...] = ()) -> Film:
    """The film that `drive_route` would take."""
    film, camera = Film(), Camera()
    last = None
    for last in states:
        camera.frame = last.frame
        news = [event for criterion in criteria for event in criterion.update(last)]
        film.note(camera, last, criteria, news)  # type: ignore[arg-type]
        film.look(camera, last)  # type: ignore[arg-type]
    assert last is not None
    told = [event for criterion in criteria for event in criterion.finish(last)]
    film.note(camera, last, criteria, told)  # type: ignore[arg-type]
    film.end(camera, last)  # type: ignore[arg-type]
    return film


@pytest.mark.parametrize("metres", [0, 1, 7, 15, 31, 100, 333, 2000])
def test_a_film_is_spread_over_the_distance_and_not_over_the_time(metres: int) -> None:
    waits = 400 if metres else 0  # a third of the way is reached, and 20 s pass
    places = [*range(metres // 3), *[metres // 3] * waits, *range(metres // 3, metres + 1)]
    states = [state(frame, float(x_m)) for frame, x_m in enumerate(places)]
    shots = film_of(states).shots()
    driven_m = [places[round(time_s / TICK_S)] for time_s, _ in shots]
    assert driven_m[0] == 0
    assert shots[-1][0] == states[-1].time_s
    assert len(shots) <= FILM_IMAGES
    assert [time_s for time_s, _ in shots] == sorted({time_s for time_s, _ in shots})
    if metres >= 31:
        assert len(shots) == FILM_IMAGES
        assert max(np.diff(driven_m)) <= 2.5 * metres / (FILM_IMAGES - 1)


def test_a_car_that_never_moves_has_a_first_and_a_last_image() -> None:
    shots = film_of(state(frame, speed_mps=0.0) for frame in range(200)).shots()
    assert [round(time_s / TICK_S) for time_s, _ in shots] == [0, 199]


def blocked_states() -> list[WorldState]:
    """The ego drives for 50 ticks, and then stands for ever."""
    stands = range(50, 50 + round(BLOCKED_AFTER_S / TICK_S))
    moving = [state(frame, 0.2 * frame) for frame in range(50)]
    return moving + [state(frame, 10.0, speed_mps=0.0) for frame in stands]


def test_who_is_blocked_began_to_be_so_when_it_stopped() -> None:
    states = blocked_states()
    (event,) = run(Blocked(), states)
    assert event.time_s == pytest.approx(states[-1].time_s)
    assert event.began == Moment(50, states[50].time_s, (10.0, 0.0))
    assert event.began_s == states[50].time_s


def test_the_film_shows_an_infraction_as_it_began_though_it_is_told_much_later() -> None:
    states = blocked_states()
    shots = {
        round(time_s / TICK_S): image for time_s, image in film_of(states, (Blocked(),)).shots()
    }
    assert (shots[50] == 50).all()


def sign() -> StopSignView:
    return StopSignView(4, (20.0, -4.0), (17.0, 0.0), (3.0, 1.75), 0.0, 0.0)


def test_a_stop_sign_is_run_from_where_its_box_is_entered() -> None:
    states = [state(frame, 0.5 * frame, stop_signs=(sign(),)) for frame in range(60)]
    (event,) = run(StopSign(), states)
    assert event.began is not None
    assert event.began.location[0] == pytest.approx(14.5)
    assert event.began.time_s < event.time_s
    assert event.location == sign().location


def test_who_stops_in_the_box_leaves_nothing_pending() -> None:
    criterion = StopSign()
    states = [state(frame, 0.5 * frame, stop_signs=(sign(),)) for frame in range(60)]
    states[33] = state(33, 16.5, speed_mps=0.0, stop_signs=(sign(),))
    assert run(criterion, states) == []
    assert criterion.pending is None


def test_outside_the_lanes_began_at_the_first_metre_outside() -> None:
    def at(frame: int) -> WorldState:
        offset_m = 5.0 if 60 <= frame < 80 or frame >= 120 else 0.0
        lane = LaneView(1, 1, (float(frame), 0.0), offset_m, 3.5, 0.0, False)
        return state(frame, float(frame), lane=lane)

    (event,) = run(OutsideRouteLanes(straight_route()), [at(frame) for frame in range(150)])
    assert event.began is not None
    assert (event.frame, event.began.frame) == (149, 60)


def test_a_deviation_began_where_the_ego_last_left_the_route() -> None:
    route = straight_route()
    away_m = [0.0] * 20 + [16.0] * 3 + [0.0] * 10 + [min(0.5 * k, 31.0) for k in range(70)]
    states = [state(frame, 0.2 * frame, y_m) for frame, y_m in enumerate(away_m)]
    criterion = InRoute(route)
    events: list[Event] = []
    for each in states:
        events += criterion.update(each)
        if events:
            break
    assert events[0].began is not None
    assert events[0].began.location[1] == pytest.approx(15.0)
    assert events[0].began.frame > 30


def test_a_collision_says_where_that_stood_which_was_hit() -> None:
    contact = Contact(CollisionKind.VEHICLE, 7, "vehicle.van", (4.0, 1.0))
    (event,) = run(Collision(), [state(3, contacts=(contact,))])
    assert (event.hit, event.began, event.began_s) == ((4.0, 1.0), None, event.time_s)


def test_a_bad_drive_has_few_images_all_the_same() -> None:
    """A collision every 10 m, 100 times."""
    states = [
        state(
            frame,
            float(frame),
            contacts=(Contact(CollisionKind.LAYOUT, frame, "tree", (0.0, 0.0)),)
            if frame % 10 == 0
            else (),
        )
        for frame in range(1000)
    ]
    shots = film_of(states, (Collision(),)).shots()
    assert len(shots) <= FILM_IMAGES + INFRACTION_IMAGES
    assert math.isclose(shots[-1][0], states[-1].time_s)


def test_beginnings_are_stored_and_read_back(tmp_path: Path) -> None:
    states = blocked_states()
    criteria = (Blocked(), Collision())
    states[20] = state(
        20, 4.0, contacts=(Contact(CollisionKind.VEHICLE, 7, "vehicle.van", (6.0, 1.0)),)
    )
    events = tuple(event for each in states for c in criteria for event in c.update(each))
    record = make_record(
        index=0,
        route_id="RouteScenario_0",
        events=events,
        completion_percent=5.0,
        penalty=lambda _: 1.0,
        meta=RouteMeta(duration_game=1.0, duration_system=1.0, route_length=100.0),
    )
    big = np.zeros((900, 1600, 3), np.uint8)
    result = RouteResult(record, events, np.zeros(0, TRACE_DTYPE), ((0.0, big),))
    save_route(tmp_path, stored_route(result))
    stored = load_route(tmp_path, 0)
    assert stored is not None
    assert stored.events == events
    assert {event.kind for event in stored.events} == {
        EventKind.COLLISION_VEHICLE,
        EventKind.VEHICLE_BLOCKED,
    }
    import io

    from PIL import Image

    assert Image.open(io.BytesIO(stored.film[0][1])).size == (640, 360)
