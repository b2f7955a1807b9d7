"""Options that several commands of training have: under one name they are one thing."""

from __future__ import annotations

import typing

import pytest
from auxdrive_train.commands.select import select
from auxdrive_train.commands.sweep import sweep
from auxdrive_train.commands.train import train

OWN = {"config", "out", "methods", "resume", "set_"}
"""What means something else in a sweep: a file of another kind, a folder of runs, settings of one
method.
"""


@pytest.mark.parametrize(("one", "other"), [(train, sweep), (train, select)])
def test_an_option_says_one_thing_in_all_commands(
    one: typing.Callable[..., None], other: typing.Callable[..., None]
) -> None:
    ours, theirs = (typing.get_type_hints(each, include_extras=True) for each in (one, other))
    # `select` asks for data and has its own number of epochs
    own = OWN | ({"data", "epochs", "out"} if other is select else set())
    shared = ours.keys() & theirs.keys() - own - {"return"}
    assert {"task", "backbone"} <= shared
    assert {name for name in shared if ours[name] is not theirs[name]} == set()
