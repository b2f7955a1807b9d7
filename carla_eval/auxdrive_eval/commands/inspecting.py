"""What `auxdrive inspect` prints about drives, their routes, and rounds of DAgger."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import auxdrive.console as console
from auxdrive.inspection.base import Inspection, Summary
from auxdrive.runs import Chosen, RunFolder

from auxdrive_eval.commands.dagger import in_words, show_rounds
from auxdrive_eval.dagger.choosing import chosen_of, table_of
from auxdrive_eval.dagger.folder import STATE_NAME, DaggerFolder, Round, is_dagger, read_state
from auxdrive_eval.driving.stored.folder import is_drive
from auxdrive_eval.driving.stored.inspection import summarise_drive, summarise_route
from auxdrive_eval.driving.stored.route_files import is_route
from auxdrive_eval.driving.tally import StoredTally, what_became

_UNREADABLE = "damaged, see below"


def _show_drive(summary: Summary) -> None:
    name = Path(summary["path"]).resolve().name
    console.table(f"drive {name}", ("fact", "value"), _drive_facts(summary), text=("value",))
    rows = [_row(each) for each in summary["routes"]]
    columns = (
        "#",
        "route",
        "town",
        "state",
        "score, of 100",
        "completion, %",
        "penalty",
        "infractions",
    )
    console.table("routes", columns, rows, text=("route", "town", "state"))
    for each in summary["routes"]:
        if each.get("failure"):
            console.line(f"#{each['index']}: {each['failure']}")
    if told := what_became(StoredTally(**summary["predictions"])):
        console.line(told)
    console.line(summary["resume"]["does"])


def _drive_facts(summary: Summary) -> list[tuple[str, str]]:
    settings, scores = summary["settings"], summary["scores"]
    left, crashed = len(summary["unfinished"]), len(summary["crashed"])
    facts = []
    if settings is None:
        facts.append(("settings", _UNREADABLE))
    else:
        creeping = settings["creep_after_s"]
        facts += [
            ("agent", summary["agent"] + (f", {summary['role']}" if summary["role"] else "")),
            ("controller", settings["controller"] or "by what it predicts"),
            ("creeping", "no" if creeping is None else f"after {creeping:g} s of standing"),
            ("safety envelope", settings["envelope"] or "none"),
            ("simulator", f"{summary['simulator']}, version {settings['simulator_version']}"),
            ("rule set", settings["rules"]),
            ("routes", f"{settings['route_count']}, {settings['repeats']} time(s) each"),
            ("seed", str(settings["seed"])),
            ("auxdrive", settings["auxdrive"]),
        ]
    facts.append(("sensors", ", ".join(summary["sensors"]) or "none known"))
    facts.append(
        ("driven", f"{summary['driven']} of {summary['drives']}, {left} left, {crashed} crashed")
    )
    if scores is not None:
        means, over = scores["scores"], f"mean of {scores['over']}"
        caveat = f"; {summary['caveat']}" if summary["caveat"] else ""
        facts += [
            ("driving score, of 100", f"{means['score_composed']:.2f} ({over}{caveat})"),
            ("route completion, %", f"{means['score_route']:.1f} ({over})"),
            ("penalty factor", f"{means['score_penalty']:.3f} ({over})"),
        ]
    total: Counter[str] = Counter()
    for each in summary["routes"]:
        total.update(each.get("infractions", {}))
    facts.append(("infractions", _counts(total)))
    return facts


def _counts(infractions: Summary | Counter[str]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in infractions.items()) or "none"


def _row(each: Summary) -> tuple[object, ...]:
    route = each["route"] if not each["repeat"] else f"{each['route']}, repeat {each['repeat']}"
    place = (each["index"], route, each["town"])
    if each["state"] != "driven":
        return (*place, each["state"], None, None, None, None)
    scores = (
        f"{each['score_composed']:.1f}",
        f"{each['score_route']:.1f}",
        f"{each['score_penalty']:.3f}",
    )
    return (*place, each["status"], *scores, sum(each["infractions"].values()))


def _show_route(summary: Summary) -> None:
    if "route_id" not in summary:
        return
    title = f"#{summary['index']}: {summary['route_id']}"
    console.table(title, ("fact", "value"), _route_facts(summary), text=("value",))
    _show_events(summary)
    _show_scenarios(summary)
    if told := what_became(StoredTally(**summary["predictions"])):
        console.line(told)
    if summary["error"]:
        console.line(f"the agent failed: {summary['error']}")
    for line in summary["output"]:
        console.line(f"  {line}")


def _route_facts(summary: Summary) -> list[tuple[str, str]]:
    path = summary["path_driven"]
    facts = [
        ("agent", summary["agent"] or "not known here"),
        ("simulator", summary["simulator"] or "not known here"),
        ("status", summary["status"]),
        ("score, of 100", f"{summary['score_composed']:.2f}"),
        ("completion, %", f"{summary['score_route']:.1f} of {summary['length_m']:.0f} m"),
        ("penalty", f"{summary['score_penalty']:.3f} (rule set {summary['rules'] or 'unknown'})"),
        ("infractions", _counts(summary["infractions"])),
        ("game time, s", f"{summary['game_time_s']:.1f}"),
        ("driven", f"{path['driven_m']:.0f} m in {path['ticks']} ticks"),
        ("film", f"{summary['film']} images"),
        ("also kept", ", ".join(summary["kept"]) or "nothing"),
    ]
    if took := summary["latency_ms"]:
        latency = f"driver p50 {took['driver_p50']:.1f}, p99 {took['driver_p99']:.1f}"
        facts.append(("latency, ms", latency))
    if path["ticks"]:
        speed = f"{path['mean_speed_mps']:.1f} mean, {path['largest_speed_mps']:.1f} at most"
        facts.append(("speed, m/s", speed))
        facts.append(("steering, degrees", f"{path['largest_steer_deg']:.1f} at most"))
    return facts


def _show_events(summary: Summary) -> None:
    events = [
        (f"{each['time_s']:.1f}", each["kind"], "({:.1f}, {:.1f})".format(*each["location_m"]),
         each["message"])
        for each in summary["events"]
    ]  # fmt: skip
    if events:
        columns = ("time, s", "event", "place (x, y left), m", "message")
        console.table("events", columns, events, text=columns[1:])


def _show_scenarios(summary: Summary) -> None:
    scenarios = [
        (each["kind"], each["at_m"], each["began_s"], each["ended_s"], each["outcome"],
         each["note"])
        for each in summary["scenarios"]
    ]  # fmt: skip
    if scenarios:
        columns = ("scenario", "at, m", "began, s", "ended, s", "outcome", "note")
        console.table("scenarios", columns, scenarios, text=("scenario", "outcome", "note"))


def _show_dagger(summary: Summary) -> None:
    show_rounds([Round.model_validate(each) for each in summary["rounds"]])
    if summary["chosen"]["run"] is not None:
        console.line(in_words(Chosen.model_validate(summary["chosen"])))
    left = [each["number"] for each in summary["rounds"] if each["open_loop"] is None]
    if left:
        numbers = ", ".join(map(str, left))
        console.line(f"not trained yet: {numbers}; `auxdrive dagger` with the same --out goes on")


def _summarise_dagger(path: Path) -> Summary:
    folder = DaggerFolder(path)
    state = read_state(folder.state_path)
    rounds = table_of(state)
    lost = [
        f"{run}: the run of a finished round is gone"
        for each in rounds
        if each.is_trained and not RunFolder(run := folder.run_of(each.number)).is_run
    ]
    return {
        "kind": "dagger",
        "path": str(path),
        "config": state.config.model_dump(mode="json"),
        "rounds": [each.model_dump(mode="json") for each in rounds],
        "chosen": chosen_of(rounds, state.config).model_dump(mode="json"),
        "broken": lost,
        "doubts": [],
    }


DAGGER = Inspection(
    what="rounds of DAgger",
    known_by=STATE_NAME,
    holds=is_dagger,
    summarise=_summarise_dagger,
    show=_show_dagger,
    no_page="each run and data set in it has a page",
)
DRIVE = Inspection(
    what="drive",
    known_by="settings.json and driver.json",
    holds=is_drive,
    summarise=summarise_drive,
    show=_show_drive,
    no_page="`auxdrive drive` has written report.html into it",
)
ROUTE = Inspection(
    what="route of a drive",
    known_by="trace.npy",
    holds=is_route,
    summarise=summarise_route,
    show=_show_route,
    no_page="report.html of its drive shows it",
)
