"""The demo's report shows how each driver drove the same routes, side by side."""

from __future__ import annotations

import shutil

import pytest
from auxdrive_eval.demo.drives import COLOURS, drives_section
from auxdrive_eval.demo.settings import DRIVERS, DemoSettings
from auxdrive_eval.demo.stages import Demo
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.expert_name import EXPERT
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.route import Route
from page_tree import parse
from small_world import SETTINGS


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, short_routes: tuple[Route, ...]) -> Demo:
    """Three drives of the expert under the drivers' names."""
    out = tmp_path_factory.mktemp("demo")
    drive_all(short_routes, DriverSource(None), SETTINGS, out / "drives" / EXPERT)
    for name in DRIVERS:
        if name != EXPERT:
            shutil.copytree(out / "drives" / EXPERT, out / "drives" / name)
    return Demo(out, DemoSettings(routes=2))


def test_each_route_has_a_map_and_a_film_of_each_driver(demo: Demo) -> None:
    section = "\n".join(drives_section(demo))
    tree = parse(section)
    names = [tag for tag, _ in tree.tags]
    assert names.count("details") == 2
    assert sum(attributes.get("class") == "map" for _, attributes in tree.tags) == 2 * len(DRIVERS)
    assert sum(attributes.get("class") == "film" for _, attributes in tree.tags) == 2 * len(DRIVERS)
    assert [attributes for tag, attributes in tree.tags if tag == "details"] == [{"open": None}, {}]
    views = {
        attributes["viewbox"] for _, attributes in tree.tags if attributes.get("class") == "map"
    }
    assert len(views) == 2  # the maps of a route show the same part of its town
    assert {name for name in tree.data if name in DRIVERS} == set(DRIVERS)


def test_the_table_of_scores_has_a_group_for_each_driver(demo: Demo) -> None:
    table = parse(next(drives_section(demo)))
    spans = [attributes["colspan"] for _, attributes in table.tags if "colspan" in attributes]
    assert spans == ["1"] + ["2"] * len(DRIVERS)
    assert table.data.count("100.0") == 2 * len(DRIVERS)
    assert table.data.count("score, of 100") == len(DRIVERS)


def test_drivers_have_colours_of_their_own() -> None:
    assert set(COLOURS) == set(DRIVERS)
    assert len(set(COLOURS.values())) == len(DRIVERS)


def test_a_page_that_grows_too_large_names_what_it_leaves_out(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auxdrive_eval.demo import drives

    monkeypatch.setattr(drives, "LARGEST_PAGE", 40_000)
    section = "\n".join(drives_section(demo))
    assert "more routes are on the drivers' own pages alone" in section.replace("&#39;", "'")
    assert section.count("<details") < 2
