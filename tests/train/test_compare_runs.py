"""`auxdrive compare` of runs: groups over seeds, differences with their intervals, and whatever is
wrong with what was given.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive import cli
from auxdrive.commands.comparing.tables import markdown
from auxdrive.comparing.compare import compare
from auxdrive.comparing.record import Comparison
from auxdrive.errors import DataError, UsageError
from auxdrive.statistics import seed_interval
from made_runs import make_run
from scipy import stats

BASELINE, SAMD = (0.50, 0.55, 0.45), (0.40, 0.41, 0.37)


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Three seeds of the baseline, then three of SAMD."""
    made = []
    for method, values in (("baseline", BASELINE), ("samd", SAMD)):
        options = {"aux": ["lidar"], "options": {"epochs_per_round": 1}} if method == "samd" else {}
        made += [
            make_run(tmp_path / f"{method}-{seed}", seed, value, method=method, **options)
            for seed, value in enumerate(values)
        ]
    return made


def compared(*paths: Path | tuple[str, Path], **choice: str) -> Comparison:
    return compare([p if isinstance(p, tuple) else (None, p) for p in paths], **choice)


def test_runs_that_differ_in_the_seed_alone_are_one_group(runs: list[Path]) -> None:
    found = compared(*runs[::-1])
    assert [group.name for group in found.groups] == ["samd", "baseline"]
    assert [source.seed for source in found.groups[0].results] == [0, 1, 2]
    assert found.groups[0].metrics["ade_m"].values == SAMD
    expected = seed_interval(BASELINE)
    got = found.groups[1].metrics["ade_m"]
    assert (got.value, got.low, got.high) == (expected.value, expected.low, expected.high)
    assert (found.what, found.split, found.role) == ("runs", "test", "student")
    assert found.main_metrics == ("ade_m",)
    assert found.floor == {"constant": {"ade_m": 9.0}}
    assert found.unequal["options.epochs_per_round"] == {"samd": "1", "baseline": "none"}
    assert "threads" not in found.unequal


def test_the_difference_is_paired_by_seed_and_verdict_and_interval_are_of_one_test(
    runs: list[Path],
) -> None:
    found = compared(*runs)
    (difference,) = (each for each in found.differences if each.metric == "ade_m")
    expected = stats.ttest_rel(SAMD, BASELINE)
    bounds = expected.confidence_interval()
    assert difference.p_value == pytest.approx(expected.pvalue)
    assert (difference.low, difference.high) == pytest.approx((bounds.low, bounds.high))
    assert (difference.pairs, difference.over) == (3, "seeds")
    assert difference.is_shown == (bounds.high < 0)
    assert difference.verdict.startswith("'samd' is better than 'baseline' here: -0.107 m of ade_m")


def test_one_seed_gives_no_interval_and_says_so(runs: list[Path]) -> None:
    found = compared(runs[0], runs[3])
    (difference,) = (each for each in found.differences if each.metric == "ade_m")
    assert difference.mean == pytest.approx(-0.1)
    assert (difference.low, difference.p_value, difference.verdict) == (None, None, "")
    assert "one seed gives no interval" in difference.reason
    assert found.groups[0].metrics["ade_m"].low is None
    assert sum("has one result: one seed gives no interval" in note for note in found.notes) == 2


def test_a_seed_that_one_group_lacks_is_left_out_of_the_pairs_and_told(runs: list[Path]) -> None:
    found = compared(*runs[:3], *runs[4:])
    (difference,) = (each for each in found.differences if each.metric == "ade_m")
    assert (difference.pairs, difference.reason) == (2, "no pair for seed 0")
    assert difference.mean == pytest.approx((SAMD[1] - BASELINE[1] + SAMD[2] - BASELINE[2]) / 2)


def test_the_same_run_twice_counts_once(runs: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(runs[0], copy)
    found = compared(runs[0], runs[1], runs[0], copy)
    assert [len(group.results) for group in found.groups] == [2]
    notes = " ".join(found.notes)
    assert f"{runs[0]} was given more than once, and counts once" in notes
    assert f"{copy} is {runs[0]} again" in notes
    assert "it is compared with nothing" in notes
    against_itself = compared(("a", runs[0]), ("b", runs[0]))
    assert f"{runs[0]} stands in more than one group" in against_itself.notes
    assert against_itself.differences[0].mean == 0


def test_two_runs_of_one_seed_that_differ_are_refused(runs: list[Path], tmp_path: Path) -> None:
    other = make_run(tmp_path / "again", 0, 0.7, method="baseline")
    with pytest.raises(UsageError, match=r"both stand for seed 0 of 'baseline', and differ"):
        compared(runs[0], other)
    assert len(compared(("one", runs[0]), ("other", other)).groups) == 2


def test_groups_are_named_by_what_tells_them_apart(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / f"{lr}", 0, 0.5 + lr, lr=lr) for lr in (0.1, 0.2)]
    found = compared(*paths)
    assert [group.name for group in found.groups] == ["samd, lr 0.1", "samd, lr 0.2"]
    together = compared(("mixed", paths[0]), ("mixed", make_run(tmp_path / "c", 1, 0.5, lr=0.3)))
    assert "'mixed' was put together of results with different settings: lr 0.1 and 0.3" in (
        together.notes
    )


def test_data_of_each_seed_pair_and_data_of_their_own_do_not(tmp_path: Path) -> None:
    """As the demo over seeds does: each seed recorded data of its own, and both methods learned
    from them.
    """
    made = {
        (method, seed): make_run(
            tmp_path / f"{method}{seed}", seed, 0.5 + seed / 10, method=method, data=f"{seed}" * 64
        )
        for method in ("baseline", "samd")
        for seed in (0, 1)
    }
    found = compared(*made.values())
    assert [len(group.results) for group in found.groups] == [2, 2]
    assert found.differences[0].pairs == 2
    assert any("not all were measured on the same data" in note for note in found.notes)
    elsewhere = make_run(tmp_path / "elsewhere", 0, 0.9, data="f" * 64)
    apart = compared(made["baseline", 0], elsewhere)
    assert apart.differences[0].mean is None
    assert "not measured on the same data" in apart.differences[0].reason
    two = compared(made["samd", 0], elsewhere)
    assert [group.name for group in two.groups] == [
        f"samd, data {'0' * 12}", f"samd, data {'f' * 12}"
    ]  # fmt: skip


def test_what_cannot_be_compared_is_refused(runs: list[Path], tmp_path: Path) -> None:
    steering = make_run(tmp_path / "steering", 0, 0.5, task="steering")
    with pytest.raises(UsageError, match=r"of the task 'waypoints', .* of 'steering'"):
        compared(runs[0], steering)
    with pytest.raises(UsageError, match="no such directory"):
        compared(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"holds nothing that can be compared: .*runs \("):
        compared(tmp_path / "empty")
    with pytest.raises(UsageError, match=r"unknown split 'tset'\. Did you mean 'test'"):
        compared(runs[0], runs[3], split="tset")
    with pytest.raises(UsageError, match="unknown role 'techer'"):
        compared(runs[0], runs[3], role="techer")
    with pytest.raises(UsageError, match="nothing to compare"):
        compare([])
    alone = make_run(tmp_path / "alone", 0, 0.5, method="teacher", roles=("fused",))
    with pytest.raises(UsageError, match=r"no role in common .* \(student, teacher, fused\)"):
        compared(runs[0], alone)


def test_unfinished_and_damaged_runs_are_named(runs: list[Path]) -> None:
    result = runs[1] / "result.json"
    whole = result.read_bytes()
    result.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"result\.json is damaged"):
        compared(*runs)
    result.unlink()
    with pytest.raises(DataError, match="has not finished training"):
        compared(*runs)
    result.write_bytes(whole)
    (runs[1] / "config.yaml").write_bytes(b"lr: [")
    with pytest.raises(DataError, match=r"config\.yaml is damaged"):
        compared(*runs)


def test_a_metric_that_is_no_number_is_compared_with_nothing(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / "a", 0, 0.5, method="baseline"),
        make_run(tmp_path / "b", 0, None),
    ]
    found = compared(*paths)
    assert found.groups[1].metrics["ade_m"].value is None
    assert found.differences[0].mean is None
    assert found.differences[1].mean == 0  # steer_macc


def test_without_a_common_further_split_the_validation_part_is_taken_and_told(
    runs: list[Path], tmp_path: Path
) -> None:
    found = compared(runs[0], make_run(tmp_path / "x", 0, 0.4, splits=("val",)))
    assert found.split == "val"
    assert any("the validation part chose the best epochs" in note for note in found.notes)


def test_the_command_prints_tables_json_and_markdown(
    runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compare", *map(str, runs)]
    assert cli.run(arguments) == 0
    shown = capsys.readouterr()
    assert "'samd' is better than 'baseline' here" in shown.out
    assert "(constant)" in shown.out
    assert cli.run([*arguments, "--json"]) == 0
    found = Comparison.model_validate_json(capsys.readouterr().out)
    assert found == compared(*runs)
    assert cli.run([*arguments, "--markdown", "--metric", "all"]) == 0
    printed = capsys.readouterr().out
    assert printed == markdown(found, list(found.metrics))
    assert "| baseline | 3 | 0.500 | 0.376..0.624 |" in printed
    assert cli.run([*arguments, "--markdown", "--json"]) == 2
    assert cli.run([*arguments, "--metric", "ade"]) == 2
    assert "unknown metric 'ade'. Did you mean 'ade_m'" in capsys.readouterr().err


def test_names_with_odd_characters_leave_no_cell_and_no_line(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "a|b\n$x_1$ \x1b[31m=<i>"
    shutil.copytree(runs[3], odd)
    given = [f"$|`*\u202e={odd}", str(runs[0])]
    assert cli.run(["compare", *given, "--markdown"]) == 0
    printed = capsys.readouterr().out
    assert "| $\\|\\`\\*\\\\u202e | 1 |" in printed
    assert "\x1b" not in printed
    plot = tmp_path / "odd.svg"
    assert cli.run(["compare", *given, "--plot", str(plot)]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert plot.read_bytes().startswith(b"<?xml")
    assert (
        cli.run(["compare", str(odd), str(runs[0])]) == 0
    )  # exists as a whole, and is no NAME=PATH
    assert "$x_1$" not in capsys.readouterr().out


def test_the_plot_is_the_same_every_time_and_of_a_known_kind(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.svg", "b.svg", "a.png"):
        assert cli.run(["compare", *map(str, runs), "--plot", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    assert cli.run(["compare", str(runs[0]), "--plot", str(tmp_path / "a.jpg")]) == 2
    assert "give a name that ends with .svg or .png" in capsys.readouterr().err
    assert cli.run(["compare", str(runs[0]), "--plot", str(tmp_path / "no" / "a.svg")]) == 2
    assert "there is no directory" in capsys.readouterr().err


def test_runs_are_compared_without_torch(runs: list[Path]) -> None:
    code = (
        "import sys\nfrom auxdrive import cli\n"
        f"cli.run(['compare', *{[str(path) for path in runs]!r}, '--json'])\n"
        "assert 'torch' not in sys.modules and 'panda3d' not in sys.modules"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["what"] == "runs"
