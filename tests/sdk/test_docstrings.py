"""The examples in docstrings: each runs as it stands there, and whatever a front offers has one.

An example is read, copied and run by people who do not know the module around it: it imports what
it uses, and finds in its working folder what auxdrive's commands would have left there: `data` (24
frames in each of six episodes), `run` (a baseline that steers, trained on `data` for one epoch) and
`bundle` (a waypoint model's). What it writes lands there too.
"""

from __future__ import annotations

import doctest
import inspect
import re
import shutil
from collections.abc import Iterator
from contextlib import chdir
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import bundle_factory
import pytest
from auxdrive_train import parse_config, train
from stripes import write_stripe_data

PACKAGES = ("auxdrive", "auxdrive_train", "auxdrive_deploy", "auxdrive_eval")
"""Packages whose examples run, and that show one for every class and function that they offer."""


def modules_with_examples() -> Iterator[str]:
    """By their text alone, so that collecting the tests imports nothing."""
    for package in PACKAGES:
        for folder in find_spec(package).submodule_search_locations:
            for file in sorted(Path(folder).rglob("*.py")):
                if ">>> " in file.read_text(encoding="utf-8"):
                    inner = file.relative_to(folder).with_suffix("").parts
                    yield ".".join([package, *(part for part in inner if part != "__init__")])


@pytest.fixture(scope="module")
def finished_work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    bundle_factory.write_bundle(folder / "bundle", "waypoints")
    write_stripe_data(folder / "data")
    settings = {"data": folder / "data", "epochs": 1, "batch_size": 16, "threads": 1}
    train(parse_config(settings), folder / "run")
    return folder


@pytest.mark.parametrize("module", list(modules_with_examples()))
def test_examples_run(module: str, finished_work: Path, tmp_path: Path) -> None:
    told: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    for number, test in enumerate(doctest.DocTestFinder().find(import_module(module))):
        if not test.examples:
            continue
        # the heading that makes them code on the documentation's pages, and not quotations
        assert re.search(r"^ *Examples:$", test.docstring, re.MULTILINE), test.name
        # as in a reader's own file: no name is known yet, and no other example was here
        test.globs = {"__name__": "__main__"}
        with chdir(shutil.copytree(finished_work, tmp_path / str(number))):
            runner.run(test, out=told.append)
    assert runner.tries, f"{module}: '>>> ' stands in the file, but in no docstring"
    assert not told, "".join(told)


@pytest.mark.parametrize("package", PACKAGES)
def test_whatever_a_front_offers_has_an_example(package: str) -> None:
    front = import_module(package)
    offered = {name: getattr(front, name) for name in front.__all__}
    without = [
        name
        for name, value in offered.items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and not doctest.DocTestParser().get_examples(value.__doc__ or "")
    ]
    assert without == []
