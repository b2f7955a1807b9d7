"""The facts of a case in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from auxdrive_eval.criteria import KIND_TEXT
from auxdrive_eval.diagnosis.facts import Instant, OtherAhead
from auxdrive_eval.diagnosis.kinds import goes_for_s
from auxdrive_eval.diagnosis.repeats.repeat import AHEAD_S, Seen, Shot
from auxdrive_eval.world import LightColour


def title_of(seen: Seen) -> str:
    """What happened, in a few words.

    Args:
        seen: the case.
    """
    case = seen.case
    if case.event is None:
        return f"stood for {case.at_s - case.began_s:.0f} s"
    return KIND_TEXT[case.event.kind]


def sentences_of(seen: Seen) -> Iterator[str]:
    """The facts of a case.

    Args:
        seen: the case.
    """
    case = seen.case
    if not seen.reached or not seen.instants:
        yield "The drive could not be repeated so far, so nothing more is known."
        return
    if case.stands:
        yield from _of_stop(seen)
    else:
        yield from _of_approach(seen)
    if seen.expert_too is not None:
        yield (
            f"With the expert at the wheel from {case.taken_over_s or 0.0:.1f} s on, the same "
            f"would {'' if seen.expert_too else 'not '}have happened."
        )


def _of_stop(seen: Seen) -> Iterator[str]:
    case = seen.case
    stood = [each for each in seen.instants if case.began_s <= each.time_s <= case.at_s]
    if not stood:
        return
    first = stood[0]
    yield f"It stood for {case.at_s - case.began_s:.1f} s, {first.along_m:.0f} m along the route."
    goes_s = goes_for_s(stood)
    yield f"The expert would have driven on for {goes_s:.1f} s of it."
    yield from _held(stood, "What held it for the rest")
    if first.light is not None:
        green_s = _share_s(stood, [_is_green(each) for each in stood])
        yield (
            f"The light's line was {_line(first.light.to_line_m)}; the light was green for "
            f"{green_s:.1f} s."
        )
    elif first.sign is not None:
        yield f"The stop sign's line was {_line(first.sign.to_line_m)}."
    if first.lead is not None and first.lead.gap_m < 15.0:
        yield f"Ahead of it in its lane was {_other(first.lead)}."
    if any(bool(each.touched) for each in stood):
        touched = _share_s(stood, [bool(each.touched) for each in stood])
        yield f"Something touched it for {touched:.1f} s."
    gone = next((shot for shot in seen.shots if shot.instant.expert_goes), None)
    if gone is not None:
        yield from _plans(gone)


def _of_approach(seen: Seen) -> Iterator[str]:
    first, last = seen.instants[0], seen.instants[-1]
    before = seen.instants[-2] if len(seen.instants) > 1 else last
    yield (
        f"It drove {first.speed_mps:.1f} m/s {last.time_s - first.time_s:.1f} s before and "
        f"{before.speed_mps:.1f} m/s at the end, {last.left_m:+.1f} m beside its route"
        f"{_turn(last)}."
    )
    braked = next((each for each in seen.instants if each.expert_brakes > 0.0), None)
    yield (
        "The expert would not have braked."
        if braked is None
        else f"The expert would have braked from {last.time_s - braked.time_s:.1f} s before on."
    )
    yield from _held(seen.instants, "What it would have braked for")
    light = first.light or last.light
    if light is not None:
        colours = [each.light.colour for each in seen.instants if each.light is not None]
        shown = list(dict.fromkeys(colour.value for colour in colours))
        yield f"The light ahead was {', then '.join(shown)}; {_seen_light(seen.shots)}."
    lead = last.lead or before.lead
    if lead is not None and lead.gap_m < 15.0:
        yield f"Ahead of it in its lane was {_other(lead)}."
    if seen.hit is not None:
        yield (
            f"What it hit was {math.degrees(seen.hit.bearing_rad):+.0f} degrees from ahead, at "
            f"{seen.hit.speed_mps:.1f} m/s."
        )
    if len(seen.shots) > 2:
        yield from _plans(seen.shots[-2])


def _held(instants: Sequence[Instant], what: str) -> Iterator[str]:
    """What held the expert, and how often that was in its camera's view."""
    held = [each.held_by for each in instants if each.held_by is not None]
    names = dict.fromkeys(each.what for each in held)
    told = []
    for name in names:
        seen = [each.in_view for each in held if each.what == name]
        told.append(f"{name} ({sum(seen)} of {len(seen)} moments in view)")
    if told:
        yield f"{what}: {', '.join(told)}."


def _plans(shot: Shot) -> Iterator[str]:
    """The model's plan and the expert's, at one moment."""
    expert = shot.expert_ego_m
    said = f"At {shot.instant.time_s:.1f} s"
    if shot.predicted is not None:
        predicted = shot.predicted
        path = predicted.task.drawing(predicted.row).path_p2
        if len(path) > 1 and predicted.times_s:
            metres = float(np.hypot(*path[-1]))
            said += f" the model would drive {metres:.1f} m in {predicted.times_s[-1]:g} s"
        else:
            said += f" the model said {predicted.task.drawing(predicted.row).text}"
    if expert is not None:
        joint = " and" if shot.predicted is not None else ""
        metres = float(np.hypot(*expert[-1]))
        said += f"{joint} the expert {metres:.1f} m in {AHEAD_S[-1]:g} s"
    if shot.predicted is not None or expert is not None:
        yield f"{said}."


def _line(to_line_m: float) -> str:
    return f"{to_line_m:.1f} m ahead" if to_line_m >= 0 else f"{-to_line_m:.1f} m behind its front"


def _turn(instant: Instant) -> str:
    turn_deg = math.degrees(instant.turn_rad)
    if abs(turn_deg) < 25.0:
        return ""
    return (
        f", in a turn of {abs(turn_deg):.0f} degrees to the {'left' if turn_deg > 0 else 'right'}"
    )


def _other(other: OtherAhead) -> str:
    seen = {None: "", True: ", in view", False: ", out of view"}[other.visible]
    return f"somebody at {other.speed_mps:.1f} m/s, {max(other.gap_m, 0.0):.1f} m away{seen}"


def _seen_light(shots: Sequence[Shot]) -> str:
    found = [shot.instant.light for shot in shots]
    looked = [light for light in found if light is not None and light.visible is not None]
    if not looked:
        return "whether it was in view was not looked at"
    visible = sum(bool(light.visible) for light in looked)
    return f"in view at {visible} of {len(looked)} moments"


def _is_green(instant: Instant) -> bool:
    return instant.light is not None and instant.light.colour is LightColour.GREEN


def _share_s(stood: Sequence[Instant], holds: Sequence[bool]) -> float:
    if len(stood) < 2:
        return 0.0
    return (stood[-1].time_s - stood[0].time_s) * sum(holds) / len(holds)
