"""The table of names: lazy, open to installed packages, and closed to who would replace a part."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.errors import UsageError
from auxdrive.registry import Registry
from foreign_packages import install_package

GROUP = "auxdrive.shapes"


@pytest.fixture
def shapes() -> Registry[object]:
    return Registry("shape", GROUP, {"square": "math:sqrt", "round": "math:floor"}, check=callable)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_built_in_names_come_in_order_and_are_loaded_when_asked_for(
    shapes: Registry[object],
) -> None:
    import math

    assert shapes.names() == tuple(shapes) == ("square", "round")
    assert len(shapes) == 2
    assert shapes["square"] is shapes.get("square") is math.sqrt


def test_names_import_nothing(tmp_path: Path) -> None:
    install_package(tmp_path, "more", GROUP, {"star": "more_module:star"}, "raise SystemExit(7)")
    code = (
        "import sys; from auxdrive.registry import Registry\n"
        f"shapes = Registry('shape', {GROUP!r}, {{'heavy': 'heavy_module:x'}})\n"
        "assert shapes.names() == ('heavy', 'star') and 'star' in shapes, shapes.names()\n"
        "assert not {'heavy_module', 'more_module', 'typer'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(tmp_path)!r})\n{code}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_told_the_nearest(shapes: Registry[object]) -> None:
    for name in ("sqare", 3, None):
        with pytest.raises(UsageError, match=f"unknown shape '{name}'"):
            shapes[name]  # type: ignore[index]
    with pytest.raises(UsageError, match="Did you mean 'square'"):
        shapes["sqare"]
    assert shapes.unknown("sqare").endswith("Valid: round, square")


def test_an_installed_package_adds_a_name(shapes: Registry[object], site: Path) -> None:
    install_package(site, "more", GROUP, {"star": "more_module:star"}, "def star(): return 5")
    assert shapes.names() == ("square", "round", "star")
    assert shapes["star"]() == 5  # type: ignore[operator]
    assert [(offer.name, offer.package) for offer in shapes.offers()][-1] == ("star", "more")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named"),
        ("raise RuntimeError('at import')", r"\(RuntimeError: at import\)"),
        ("raise SystemExit", r"\(SystemExit\)"),
        ("def (", "SyntaxError"),
        ("", "AttributeError"),
        ("star = 3", "TypeError: 3 is no shape"),
    ],
)
def test_a_broken_one_names_its_package_when_it_is_asked_for_and_breaks_no_other(
    shapes: Registry[object], site: Path, source: str, said: str
) -> None:
    package = f"lame{abs(hash(source))}"  # a module once imported stays so
    install_package(site, package, GROUP, {"star": f"{package}_module:star"}, source)
    assert shapes.names() == ("square", "round", "star")
    assert callable(shapes["round"])
    with pytest.raises(UsageError, match=f"'star' of the package '{package}' cannot be.*{said}"):
        shapes["star"]


def test_what_is_built_in_is_not_replaced_and_both_packages_are_named(
    shapes: Registry[object], site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import math

    install_package(site, "evil", GROUP, {"square": "evil_module:star"}, "def star(): ...")
    assert shapes.names() == ("square", "round")
    assert shapes["square"] is shapes["square"] is math.sqrt
    (record,) = caplog.records  # once, not with every look-up
    assert "the package 'evil' offers a shape 'square' too, which is not used" in record.message
    assert "'auxdrive'" in record.message


def test_of_two_packages_with_one_name_neither_is_taken(
    shapes: Registry[object], site: Path
) -> None:
    for package in ("two", "one"):
        install_package(site, package, GROUP, {"star": f"{package}_module:star"}, "def star(): ...")
    assert shapes.names() == ("square", "round", "star")
    with pytest.raises(
        UsageError, match="the shape 'star' is offered by the packages 'one' and 'two'"
    ):
        shapes["star"]
    assert callable(shapes["round"])


def test_of_several_versions_of_a_package_the_first_on_the_path_counts(
    shapes: Registry[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("old", "new"):
        install_package(
            tmp_path / name, "more", GROUP, {name: "more_module:star"}, "def star(): ..."
        )
        monkeypatch.syspath_prepend(tmp_path / name)
    assert shapes.names() == ("square", "round", "new")


@pytest.mark.parametrize("entries", [f"[{GROUP}]\nx = a:b:c d\n", "\x00auxdrive.\x01", "["])
def test_metadata_that_nobody_can_read_brings_nothing(
    shapes: Registry[object], site: Path, entries: str
) -> None:
    info = install_package(site, "odd", GROUP, {}, "")
    (info / "entry_points.txt").write_text(entries)
    install_package(site, "more", GROUP, {"star": "more_module:star"}, "def star(): ...")
    assert {"square", "round", "star"} <= set(shapes.names())
    assert callable(shapes["square"])


def test_a_program_adds_one_for_itself(shapes: Registry[object], site: Path) -> None:
    shapes.add("star", print)
    shapes.add("star", repr)  # a cell of a notebook that is run again
    assert shapes.names() == ("square", "round", "star")
    assert shapes["star"] is repr
    shapes.remove("star")
    assert "star" not in shapes
    install_package(site, "more", GROUP, {"star": "more_module:star"}, "def star(): ...")
    for name, owner in (("square", "auxdrive"), ("star", "more")):
        shapes_before = shapes.names()
        with pytest.raises(UsageError, match=f"'{name}' is the package '{owner}'s own"):
            shapes.add(name, repr)
        assert shapes.names() == shapes_before


def test_a_table_that_is_empty_says_what_to_do() -> None:
    """The entry points of a source tree are those of the day on which it was installed."""
    with pytest.raises(UsageError, match=r"unknown shape 'star': .* install it again"):
        Registry[object]("shape", "auxdrive.nothing_of_that_name")["star"]
