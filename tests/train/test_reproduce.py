"""Reproductions: the data are what the papers describe, what is found is said as it is, and a
stopped one goes on.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.errors import DataError, UsageError
from auxdrive_train.reproduce import REPRODUCTIONS, gaussian, mfeat, umt_synthetic
from auxdrive_train.reproduce.base import Reproduction, Workshop
from auxdrive_train.reproduce.findings import Findings, above, below, figure
from auxdrive_train.reproduce.gaussian import Design, drawn
from auxdrive_train.reproduce.mfeat_files import VIEWS, read_views
from auxdrive_train.reproduce.mfh_gamma_alpha import BY_ALPHA, BY_GAMMA
from auxdrive_train.reproduce.mfh_gaussian import MFHGaussian
from auxdrive_train.reproduce.page import reproduction_page
from auxdrive_train.reproduce.running import names_of, reproduce
from auxdrive_train.reproduce.vector_sets import Rows, write_rows
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

SHARED = Path(__file__).resolve().parents[3] / "shared"


@given(
    st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 3),
    st.integers(0, 2**31),
)  # fmt: skip
def test_gaussian_data_are_those_of_the_paper(
    shared: int, only_a: int, only_b: int, spare: int, seed: int
) -> None:
    if not shared + only_a + only_b:
        return
    width_a, width_b = max(1, shared + only_a + spare), max(1, shared + only_b + spare)
    design = Design(shared, only_a, only_b, width_a, width_b)
    parts = drawn(design, seed)
    assert {split: len(rows) for split, rows in parts.items()} == {
        "train": 200, "val": 200, "test": 1000,
    }  # fmt: skip
    a, b = (np.concatenate([rows.vectors[name] for rows in parts.values()]) for name in "ab")
    classes = np.concatenate([rows.class_id for rows in parts.values()])
    np.testing.assert_array_equal(a[:, :shared], b[:, :shared])
    # all that decides is in both together: a linear rule separates the classes without a mistake
    decisive = np.concatenate([a[:, : shared + only_a], b[:, shared : shared + only_b]], axis=1)
    delta = np.linalg.lstsq(decisive, 2.0 * classes - 1, rcond=None)[0]
    assert ((decisive @ delta > 0) == classes).mean() > 0.9
    assert np.abs(a.std() - 1) < 0.1
    assert np.abs(b.mean()) < 0.1


def test_the_designs_have_the_papers_shares() -> None:
    assert [round(each.gamma, 2) for each in BY_GAMMA] == [0.0, 0.11, 0.25, 0.43, 0.67, 1.0]
    assert [round(each.alpha, 2) for each in BY_ALPHA] == [0.0, 0.5, 0.67, 0.75, 0.8]
    assert all(each.only_b == 0 for each in BY_ALPHA)


@pytest.mark.parametrize("kind", ["A", "B", "C"])
def test_synthetic_vectors_tell_what_the_paper_says(kind: str) -> None:
    rows = umt_synthetic.drawn(kind, 0)
    assert len(rows) == 5000
    assert [rows.vectors[name].shape[1] for name in ("one", "two", "both")] == [200, 100, 300]
    # through the projections the vectors are still there: 200 and 100 numbers of 50
    assert all(np.linalg.matrix_rank(rows.vectors[name][:500]) == 50 for name in ("one", "two"))
    classes = np.bincount(rows.class_id)
    if kind == "C":
        assert classes[0] == 5000 // 3
        assert abs(classes[1] - classes[2]) < 300
    else:
        assert abs(classes[0] - classes[1]) < 300

    def linear(name: str) -> float:
        x = rows.vectors[name] / rows.vectors[name].std()
        design = np.concatenate([x, np.ones((5000, 1))], axis=1)
        wanted = np.eye(len(classes))[rows.class_id]
        fitted = np.linalg.lstsq(design[:4000], wanted[:4000], rcond=None)[0]
        return float(((design[4000:] @ fitted).argmax(axis=1) == rows.class_id[4000:]).mean())

    # rows of C come class by class, so that its last thousand are pairs
    alone = max(linear("one"), linear("two"))
    assert alone > 0.97 if kind == "A" else alone < 0.6


def test_verdicts() -> None:
    assert above("x", "", [1.0, 1.1, 0.9, 1.0]).holds is True
    assert above("x", "", [-1.0, -1.1, -0.9]).holds is False
    assert above("x", "", [-1.0, 1.0, 0.5]).holds is None
    assert above("x", "", [1.0]).holds is None
    assert below("x", "", [-1.0, -1.1, -0.9]).holds is True
    assert below("x", "", [2.0, 2.1, 1.9], most=3.0).holds is True
    low, high = below("x", "", [2.0, 2.1, 1.9]).interval or (0, 0)
    assert low < 2.0 < high
    assert figure("x", 10.0, [10.2, 9.8, 10.1], paper_runs=10).agrees is True
    assert figure("x", 20.0, [10.2, 9.8, 10.1], paper_runs=10).agrees is False
    assert figure("x", 20.0, [10.2, 9.8]).agrees is None
    assert figure("x", None, [10.2, 9.8], paper_runs=10).agrees is None


def test_rows_are_written_once_and_read_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = Rows({"one": rng.normal(size=(7, 3)), "two": rng.normal(size=(7, 2))}, np.arange(7) % 2)
    out = write_rows(tmp_path / "set", {"train": rows, "test": rows.part(np.array([4, 1]))}, "ab")
    before = Dataset.open(out).fingerprint()
    assert write_rows(tmp_path / "set", {"train": rows}, "ab") == out
    dataset = Dataset.open(out)
    assert dataset.fingerprint() == before
    frames = dataset.episode("test").frames(next(iter(dataset.card.vectors)))
    np.testing.assert_array_equal(frames, rows.vectors["one"][[4, 1]].astype(np.float32))
    # what was stopped before its card was written is completed
    (out / "dataset.json").unlink()
    write_rows(out, {"train": rows, "test": rows.part(np.array([4, 1]))}, "ab")
    assert Dataset.open(out).fingerprint() == before


SMALL: dict[str, Any] = {"epochs": 3}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reproductions of two repetitions and three epochs."""
    monkeypatch.setattr(gaussian, "REPEATS", {"quick": 2})
    monkeypatch.setattr("auxdrive_train.reproduce.mfh_gaussian.REPEATS", {"quick": 2})
    monkeypatch.setattr(gaussian, "SETTINGS", gaussian.SETTINGS | SMALL)
    monkeypatch.setattr(gaussian, "TESTED", 50)


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_reproduction_writes_what_it_finds_and_goes_on_where_it_was(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path, "quick")
    (found,) = reproduce(["mfh-gaussian"], workshop)
    folder = tmp_path / "mfh-gaussian-quick"
    assert found.runs == 2 * 3 * 3
    assert len(found.figures) == 15
    assert len(found.claims) == 9
    assert all(each.runs == 2 for each in found.figures)
    stored = Findings.model_validate(json.loads((folder / "findings.json").read_text()))
    assert stored == found
    page = (folder / "page.html").read_text()
    assert "Table 2" in page
    assert "of 9 claims hold" in page
    assert not re.search(r"(src|href)=.?http", page)
    runs = sorted((folder / "runs").iterdir())
    times = {run: (run / "result.json").stat().st_mtime_ns for run in runs}
    # one run is lost; it alone is trained again, and the figures are the same
    (runs[0] / "result.json").unlink()
    (again,) = reproduce(["mfh-gaussian"], workshop)
    assert [each.ours for each in again.figures] == [each.ours for each in found.figures]
    changed = [run for run in runs if (run / "result.json").stat().st_mtime_ns != times[run]]
    assert changed == [runs[0]]


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_run_that_fails_is_named_and_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop = Workshop(tmp_path, "quick")
    wanted = gaussian.runs_of(tmp_path, Design(2, 2, 0, 4, 4), 0, general=True)
    names = list(wanted)
    broken = {name: dict(values) for name, values in wanted.items()}
    broken[names[1]]["data"] = str(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"1 of 3 runs failed.*nowhere.*goes on where it was"):
        workshop.results(broken)
    assert set(workshop.results(wanted)) == set(names)


def test_names() -> None:
    assert names_of("all") == tuple(REPRODUCTIONS.names())
    assert names_of("mfeat") == ("mfeat",)
    with pytest.raises(UsageError, match="mfh-gaussian"):
        names_of("mfh-gausian")
    for name in REPRODUCTIONS.names():
        entry = REPRODUCTIONS[name]
        assert issubclass(entry, Reproduction)
        assert entry.name == name
        assert entry.title
        assert entry.__doc__


def test_the_command_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    for arguments, told in (
        (["mfh"], "reproduction"),
        (["mfh-gaussian", "--budget", "fast"], "budget"),
    ):
        done = CliRunner().invoke(
            build_app(), ["reproduce", *arguments, "--out", str(tmp_path / "out")]
        )
        assert done.exit_code != 0
        assert told in str(done.exception) + done.output
    assert not (tmp_path / "out").exists()


# the digits


def uci(folder: Path) -> None:
    """A made-up copy of UCI's own files."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, width in VIEWS.items():
        rows = rng.normal(size=(2000, width)).round(3)
        (folder / f"mfeat-{name}").write_text(
            "\n".join("  ".join(map(str, row)) for row in rows) + "\n"
        )


def test_the_digits_are_read_from_every_form_of_them(tmp_path: Path) -> None:
    uci(tmp_path / "uci")
    views, digits = read_views(tmp_path / "uci")
    assert {name: each.shape[1] for name, each in views.items()} == VIEWS
    assert digits.tolist() == np.repeat(np.arange(10), 200).tolist()
    np.savez(tmp_path / "mfeat.npz", y=digits, **views)
    csv = tmp_path / "csv"
    csv.mkdir()
    for name, each in views.items():
        head = ",".join(str(k) for k in range(each.shape[1] + 1))
        body = "\n".join(
            ",".join(map(str, [*row.tolist(), digit]))
            for row, digit in zip(each, digits.tolist(), strict=True)
        )
        (csv / f"mfeat-{name}.csv").write_text(f"{head}\n{body}\n")
    for other in (tmp_path / "mfeat.npz", csv):
        found, same = read_views(other)
        np.testing.assert_array_equal(same, digits)
        for name in VIEWS:
            np.testing.assert_allclose(found[name], views[name], rtol=1e-6)


def test_what_is_not_the_digits_is_refused(tmp_path: Path) -> None:
    uci(tmp_path / "uci")
    views, digits = read_views(tmp_path / "uci")
    (tmp_path / "uci" / "mfeat-mor").write_text("1 2 3 4 5 six\n")
    with pytest.raises(DataError, match=r"mfeat-mor: is no table of numbers"):
        read_views(tmp_path / "uci")
    (tmp_path / "uci" / "mfeat-mor").write_text("1 2 3 4 5 6\n")
    with pytest.raises(DataError, match=r"the view mor is \(1, 6\)"):
        read_views(tmp_path / "uci")
    with pytest.raises(DataError, match="no such file"):
        read_views(tmp_path / "nothing.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and nothing")
    with pytest.raises(DataError, match=r"broken.npz: cannot be read"):
        read_views(tmp_path / "broken.npz")
    np.savez(tmp_path / "few.npz", y=digits, fac=views["fac"])
    with pytest.raises(DataError, match=r"few.npz: cannot be read"):
        read_views(tmp_path / "few.npz")
    np.savez(tmp_path / "odd.npz", y=np.zeros(2000, int), **views)
    with pytest.raises(DataError, match="200 of each of 10 digits"):
        read_views(tmp_path / "odd.npz")
    with pytest.raises(DataError, match="mfeat is not here: give --data"):
        read_views(None)


@pytest.mark.parametrize("amount", [5, 20, 100])
def test_splits_hold_each_digit_once_and_the_test_is_half(amount: int) -> None:
    rows = Rows({"n": np.arange(2000.0)[:, None]}, np.repeat(np.arange(10), 200))
    parts = mfeat.divided(rows, amount, split=1)
    seen = np.concatenate([part.vectors["n"][:, 0] for part in parts.values()])
    assert len(np.unique(seen)) == len(seen)
    assert np.bincount(parts["test"].class_id).tolist() == [100] * 10
    assert np.bincount(parts["val"].class_id).tolist() == [10] * 10
    assert np.bincount(parts["train"].class_id).tolist() == [min(amount, 90)] * 10
    other = mfeat.divided(rows, amount, split=2)
    assert set(other["test"].vectors["n"][:, 0]) != set(parts["test"].vectors["n"][:, 0])


def test_the_shared_copy_is_the_data_set() -> None:
    path = SHARED / "data" / "mfeat" / "mfeat.npz"
    if not path.exists():
        pytest.skip("needs the copy of UCI's Multiple Features beside the project")
    views, digits = read_views(path)
    assert len(digits) == 2000
    assert {name: each.shape[1] for name, each in views.items()} == VIEWS


def test_a_page_of_several() -> None:
    made = [
        Findings(
            name=name, title=f"Table of {name}", budget="quick", figures=(figure("x", 1.0, [1.0]),),
            claims=(above("it rises", "yes", [1.0, 1.1]),),
        )
        for name in ("one", "two")
    ]  # fmt: skip
    page = reproduction_page(made)
    assert "Table of one" in page
    assert "Table of two" in page
    assert "not shown" in page or "holds" in page
    assert MFHGaussian.title
