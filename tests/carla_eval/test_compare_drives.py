"""`auxdrive compare` of drives: over routes if there is one drive of each, else over drives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from auxdrive.commands.comparing.tables import markdown
from auxdrive.comparing.compare import compare
from auxdrive.comparing.record import Comparison, Difference
from auxdrive.errors import DataError, UsageError
from auxdrive.power import Plan, error_by_routes, scatter_of, smallest_shown
from auxdrive.statistics import paired_difference
from auxdrive_eval.criteria import EventKind
from auxdrive_eval.driving.settings import EvaluationSettings
from auxdrive_eval.driving.stored.driver_identity import DriverIdentity
from auxdrive_eval.driving.stored.folder import write_folder
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.records import RouteMeta, RouteRecord, Scores
from small_world import SETTINGS

ONE = (60.0, 36.0, 100.0, 42.0, 60.0, 70.0)
OTHER = (70.0, 60.0, 100.0, 60.0, 65.0, 100.0)


def make_drive(
    path: Path,
    scores: tuple[float, ...],
    *,
    driver: str = "samd",
    status: str = "Completed",
    drives: int | None = None,
    reds: tuple[int, ...] = (1,),
    **changes: object,
) -> Path:
    """The folder of an evaluation with these scores of its routes. `drives` cuts it short."""
    repeats = int(changes.get("repeats", 1))  # type: ignore[call-overload]
    values = {
        "auxdrive": "0.1.0", "simulator": SETTINGS, "simulator_version": "3", "rules": "1.0",
        "driver": driver, "driver_sha256": driver, "role": "student", "controller": None,
        "routes_sha256": "a", "route_count": len(scores) // repeats, "repeats": repeats, "seed": 0,
    }  # fmt: skip
    settings = EvaluationSettings.model_validate({**values, **changes})
    path.mkdir(parents=True)
    write_folder(path, settings, DriverIdentity(), ())
    form = RULE_SETS[settings.rules].results
    none: dict[str, list[str]] = {kind.value: [] for kind in form.routes.kinds}
    records = [
        RouteRecord(
            index=index,
            infractions={**none, "red_light": ["ran one"] * reds[index % len(reds)]},
            meta=RouteMeta(duration_game=1.0, duration_system=1.0, route_length=1000.0),
            route_id=f"RouteScenario_{index}",
            scores=Scores(score_composed=score, score_penalty=score / 100, score_route=100.0),
            status=status,
        )
        for index, score in enumerate(scores[:drives])
    ]
    document = form.document(records, len(scores), [], finished=drives is None)
    (path / "results.json").write_text(json.dumps(document))
    return path


def compared(*paths: Path) -> Comparison:
    return compare([(None, path) for path in paths])


def of_scores(found: Comparison) -> Difference:
    return next(each for each in found.differences if each.metric == "driving score")


def test_two_drives_of_the_same_routes_are_paired_over_routes(tmp_path: Path) -> None:
    found = compared(
        make_drive(tmp_path / "a", ONE, driver="baseline"), make_drive(tmp_path / "b", OTHER)
    )
    expected = paired_difference(np.array(OTHER), np.array(ONE), seed=0)
    got = of_scores(found)
    assert (got.mean, got.p_value) == (expected.mean, expected.p_value)
    assert (got.pairs, got.over, got.test) == (6, "routes", "sign-flip test")
    assert got.verdict.startswith("No difference between 'samd' and 'baseline' is shown here")
    assert (found.what, found.main_metrics) == ("drives", ("driving score",))
    assert found.groups[0].metrics["Red lights infractions"].value == 6.0
    assert found.groups[0].metrics["driving score"].value == pytest.approx(np.mean(ONE))


def test_repeats_of_a_route_are_one_pair(tmp_path: Path) -> None:
    found = compared(
        make_drive(tmp_path / "a", ONE, driver="baseline", repeats=2),
        make_drive(tmp_path / "b", OTHER, repeats=2),
    )
    assert of_scores(found).pairs == 3


def pairs_by_hand(
    paths: tuple[Path, Path], repeats: int, metric: Callable[[list[RouteRecord]], float]
) -> tuple[float, float]:
    """The paired bootstrap by loops over records, with random numbers of its own."""
    documents = [json.loads((path / "results.json").read_text()) for path in paths]
    one, other = (
        [RouteRecord.model_validate(each) for each in document["_checkpoint"]["records"]]
        for document in documents
    )
    rng, drawn = np.random.default_rng(55), []
    routes = len(one) // repeats
    for _ in range(3000):
        places = [
            route * repeats + repeat
            for route in rng.integers(routes, size=routes)
            for repeat in rng.integers(repeats, size=repeats)
        ]
        drawn.append(metric([other[i] for i in places]) - metric([one[i] for i in places]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def test_two_benchmarks_have_a_bootstrap_over_routes_and_repeats(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    of_routes = rng.uniform(30, 80, 12)
    one = [float(score + rng.normal(0, 8)) for score in of_routes for _ in range(3)]
    other = [min(100.0, score + float(rng.normal(6, 6))) for score in one]
    paths = (
        make_drive(tmp_path / "a", tuple(one), driver="baseline", repeats=3, reds=(0, 1, 2)),
        make_drive(tmp_path / "b", tuple(other), repeats=3, reds=(0, 0, 1, 1, 0)),
    )
    found = compared(*paths)
    score = of_scores(found)
    assert score.test == "sign-flip test"
    assert score.bootstrap is not None
    assert (score.bootstrap.routes, score.bootstrap.repeats) == (12, 3)
    low, high = pairs_by_hand(
        paths, 3, lambda records: float(np.mean([each.scores.score_composed for each in records]))
    )
    near = 0.1 * (high - low)
    assert (score.bootstrap.low, score.bootstrap.high) == pytest.approx((low, high), abs=near)
    # a rate is no mean over routes: the bootstrap is its test
    reds = next(each for each in found.differences if each.metric == "Red lights infractions")
    low, high = pairs_by_hand(
        paths, 3, lambda records: sum(len(each.infractions["red_light"]) for each in records)
    )
    near = 0.1 * (high - low)
    assert (reds.low, reds.high) == pytest.approx((low, high), abs=near)
    assert (reds.test, reds.over, reds.pairs) == (
        "paired bootstrap over routes and repeats", "routes", 12,
    )  # fmt: skip
    assert reds.mean == pytest.approx(14 - 36)
    assert reds.is_shown == (reds.high < 0)
    assert any("and of each drawn route its 3 repeat(s)" in note for note in found.notes)
    # of few routes there is none
    few = compared(
        make_drive(tmp_path / "c", ONE[:4], driver="baseline"),
        make_drive(tmp_path / "d", OTHER[:4]),
    )
    assert of_scores(few).bootstrap is None
    assert not any("bootstrap" in note for note in few.notes)


@pytest.mark.parametrize("rules", list(RULE_SETS))
def test_what_drives_add_makes_the_numbers_of_the_document(rules: str) -> None:
    form = RULE_SETS[rules].results
    rng = np.random.default_rng(7)
    outside = "Agent went outside its route lanes for about 12.345 meters (8.19% of the completed)"
    records = [
        RouteRecord(
            index=index,
            infractions={
                kind.value: [outside if kind is EventKind.OUTSIDE_ROUTE_LANES else "x"]
                * int(rng.integers(0, 2 if kind is EventKind.OUTSIDE_ROUTE_LANES else 4))
                for kind in form.routes.kinds
            },
            meta=RouteMeta(
                duration_game=1.0, duration_system=1.0, route_length=float(rng.uniform(100, 900))
            ),
            route_id=f"RouteScenario_{index}",
            scores=Scores(
                score_composed=50.0, score_penalty=0.5,
                score_route=0.0 if index == 3 else float(rng.uniform(10, 100)),
            ),
            status="Completed",
        )
        for index in range(8)
    ]  # fmt: skip
    whole = form.global_record(records, len(records))
    for _, group, key in form.labelled:
        if group != form.means:
            shares = [form.drive_rate(record, key, len(records)) for record in records]
            above, below = np.array(shares).T
            assert above.sum() / below.sum() == pytest.approx(whole[group][key], abs=5.1e-4)


def test_several_drives_are_paired_over_drives(tmp_path: Path) -> None:
    """One traffic seed, drivers of several training seeds: in the order of the arguments."""
    paths = [
        make_drive(
            tmp_path / f"{driver}{k}",
            tuple(max(score - 5 * k, 0) for score in scores),
            driver=driver,
            driver_sha256=f"{driver}{k}",
        )
        for driver, scores in (("baseline", ONE), ("samd", OTHER))
        for k in range(3)
    ]
    found = compared(*paths)
    assert [len(group.results) for group in found.groups] == [3, 3]
    assert (of_scores(found).pairs, of_scores(found).over) == (3, "drives")
    assert sum("are paired in the order in which they were given" in n for n in found.notes) == 2
    uneven = compared(*paths[:5])
    assert "cannot be paired" in of_scores(uneven).reason
    seeded = compared(
        *(make_drive(tmp_path / f"s{k}", ONE, driver="baseline", seed=k) for k in range(2)),
        *(make_drive(tmp_path / f"t{k}", OTHER, seed=k) for k in range(2)),
    )
    assert (of_scores(seeded).pairs, of_scores(seeded).over) == (2, "seeds")


def test_other_routes_are_paired_with_nothing_and_other_rules_refused(tmp_path: Path) -> None:
    one = make_drive(tmp_path / "a", ONE, driver="baseline")
    found = compared(one, make_drive(tmp_path / "b", OTHER, routes_sha256="b"))
    assert of_scores(found).mean is None
    assert "not measured on the same data or routes" in of_scores(found).reason
    with pytest.raises(UsageError, match=r"rule set '1\.0', .* of '2\.0'"):
        compared(one, make_drive(tmp_path / "c", OTHER, rules="2.0"))
    with pytest.raises(UsageError, match="--split and --role are for runs"):
        compare([(None, one)], split="test")


def test_what_the_agent_failed_in_is_told_and_holes_are_refused(tmp_path: Path) -> None:
    failed = make_drive(tmp_path / "a", ONE, status="Failed - Agent crashed")
    assert f"{failed}: 6 of 6 routes were ended by the agent's own failure" in (
        compared(failed).notes
    )
    with pytest.raises(DataError, match="is not finished: 4 of 6 drives"):
        compared(make_drive(tmp_path / "b", ONE, drives=4))
    damaged = make_drive(tmp_path / "c", ONE)
    (damaged / "results.json").write_text('{"_checkpoint": {"records": [{"index": -3}]}}')
    with pytest.raises(DataError, match=r"results\.json is damaged"):
        compared(damaged)
    (damaged / "results.json").write_text('{"_checkpoint": 3}')
    with pytest.raises(DataError, match=r"has no _checkpoint\.records"):
        compared(damaged)


def test_drives_tell_what_further_ones_would_show(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    scores = rng.uniform(20, 90, (2, 3, 8))  # drivers, seeds, four routes twice
    given = [
        (
            name,
            make_drive(tmp_path / f"{name}{seed}", tuple(row), driver=f"{name}{seed}", repeats=2),
        )
        for name, rows in zip(("one", "other"), scores, strict=True)
        for seed, row in enumerate(rows)
    ]
    found = compare(given, plans=(Plan(4, 2, 3), Plan(400, 2, 3)))
    few, many = (each for each in found.planned if each.metric == "driving score")
    scatter = scatter_of((scores[1] - scores[0]).reshape(3, 4, 2))
    assert few.shown == pytest.approx(smallest_shown(scatter, Plan(4, 2, 3)))
    assert few.other_routes == pytest.approx(error_by_routes(scatter, Plan(4, 2, 3)))
    assert many.shown is not None
    assert many.shown < few.shown
    assert {each.metric for each in found.planned} == {
        "driving score", "route completion", "infraction penalty",
    }  # fmt: skip
    shown = markdown(found, ["driving score"])
    assert f"| other: driving score | 400 | 2 | 3 | {many.shown:.3f} |" in shown
    # a single pair does not tell how models of other seeds differ
    alone = compare([given[0], given[3]], plans=(Plan(4, 2, 3),))
    assert alone.planned[0].shown is None
    assert "single seed do not tell" in markdown(alone, ["driving score"])
    with pytest.raises(UsageError, match="give drives of two groups"):
        compare(given[:3], plans=(Plan(4, 2, 3),))
