"""What a sweep is to train, before anything is trained: files, options, names, mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from auxdrive.errors import ConfigError, UsageError
from auxdrive_train.sweeping.config import SweepConfig, load_sweep, parse_sweep
from auxdrive_train.sweeping.members import members_of
from hypothesis import given, settings
from hypothesis import strategies as st


def sweep(**values: Any) -> SweepConfig:
    base = {"data": "somewhere", **values.pop("base", {})}
    return parse_sweep({"base": base, "methods": ["baseline"], "seeds": [0], **values}, "it")


def test_every_method_meets_every_combination_and_seed() -> None:
    made = members_of(
        sweep(
            base={"aux": ["lidar"], "epochs": 4},
            methods={"baseline": {}, "samd": {"options": {"epochs_per_round": 2}}},
            seeds=[0, 7],
            vary={"lr": [0.1, 0.2], "samd:options.loss": ["rkd", "hint"]},
        )
    )
    assert [member.name for member in made] == [
        f"{method}+seed={seed}"
        for method in (
            "baseline+lr=0.1",
            "baseline+lr=0.2",
            "samd+lr=0.1+options.loss=rkd",
            "samd+lr=0.1+options.loss=hint",
            "samd+lr=0.2+options.loss=rkd",
            "samd+lr=0.2+options.loss=hint",
        )
        for seed in (0, 7)
    ]
    baseline, samd = made[0].config, made[-1].config
    assert (baseline.aux, [each.value for each in samd.aux]) == ((), ["lidar"])
    assert (samd.lr, samd.seed, samd.options) == (0.2, 7, {"epochs_per_round": 2, "loss": "hint"})
    assert (baseline.threads, samd.threads) == (1, 1)


def test_threads_that_are_set_stay() -> None:
    assert members_of(sweep(base={"threads": 3}))[0].config.threads == 3


def test_a_file_and_options_make_one_sweep(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(
        "base: {data: d, epochs: 3}\nmethods:\n  baseline:\n  samd: {lr: 0.5}\nseeds: [0, 1]\n"
        "vary: {dropout: [0.1, 0.2]}\n"
    )
    made = load_sweep(
        file,
        {"epochs": 6, "task": None},
        ["samd", "umt"],
        "3-4",
        ["lr=0.1", "umt:weight_decay=0"],
        ["batch_size=8,16"],
    )
    assert made.base == {"data": "d", "epochs": 6, "lr": 0.1}
    assert made.methods == {"samd": {"lr": 0.5}, "umt": {"weight_decay": 0}}
    assert made.seeds == (3, 4)
    assert made.vary == {"dropout": (0.1, 0.2), "batch_size": (8, 16)}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seeds": [0, 0]}, "a seed stands there twice"),
        ({"seeds": []}, "seeds"),
        ({"methods": []}, "methods"),
        ({"methods": ["samd", "samd"]}, "a method stands there twice"),
        ({"vary": {"lr": []}}, "'lr' takes no value"),
        ({"vary": {"lr": [1, 1]}}, "'lr' takes a value twice"),
        ({"vary": {"umt:lr": [1]}}, "of a method that is not swept"),
        ({"vary": {"seed": [1]}}, "'seed' is no path.to.key"),
        ({"vary": {"a..b": [1]}}, "is no path.to.key"),
        ({"base": {"method": "samd"}}, "method: stands under methods, and nowhere else"),
        ({"sedes": [1]}, "unknown key 'sedes'"),
    ],
)
def test_mistakes_of_a_sweep_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"it has mistakes:\n.*{message}"):
        sweep(**values)


def test_mistakes_of_runs_are_named_once_and_all_together() -> None:
    with pytest.raises(ConfigError) as caught:
        members_of(sweep(methods=["baseline", "smad"], seeds=[0, 1], base={"lrr": 1}))
    told = str(caught.value)
    assert "baseline+seed=0: the config has mistakes" in told
    assert "unknown key 'lrr'" in told
    assert "Did you mean 'samd'" in told
    assert "seed=1" not in told
    with pytest.raises(ConfigError, match="train in one process each; use --workers"):
        members_of(sweep(base={"processes": 2}))
    with pytest.raises(ConfigError, match="are the same run"):
        members_of(sweep(vary={"lr": [0.5, "5e-1"]}))
    with pytest.raises(ConfigError, match="'lr' is a value, not a group"):
        members_of(sweep(base={"lr": 1.0}, vary={"lr.x": [1]}))


def test_options_that_cannot_be_read_are_named() -> None:
    def load(**changes: Any) -> None:
        values = {"file": None, "base": {"data": "d"}, "methods": ["baseline"], "seeds": "0",
                  "sets": [], "vary": []}  # fmt: skip
        load_sweep(**{**values, **changes})

    with pytest.raises(ConfigError, match=r"--vary takes path\.to\.key=value, got 'lr'"):
        load(vary=["lr"])
    with pytest.raises(ConfigError, match=r"--set lr\.x=1: 'lr' is a value"):
        load(base={"lr": 1}, sets=["lr.x=1"])
    with pytest.raises(UsageError, match="--seeds '3-1': they go from 0 to 999999"):
        load(seeds="3-1")
    with pytest.raises(ConfigError, match="seeds"):
        load(seeds=None)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4, unique=True))
@settings(max_examples=60, deadline=None)
def test_names_of_folders_are_plain_and_distinct_whatever_the_values(values: list[str]) -> None:
    from auxdrive_train.sweeping.members import _name

    names = [_name("samd", {"weights": value}, 0) for value in values]
    assert len(set(names)) == len(names)
    assert all(
        name.isascii() and name.isprintable() and not set(name) & set("/\\ :*?") for name in names
    )
    assert max(map(len, names)) < 130
