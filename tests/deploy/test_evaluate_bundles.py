"""`auxdrive evaluate` of bundles: what the base install's runtime predicts is what the run does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from auxdrive.errors import ConfigError, DataError, UsageError
from auxdrive_train.engine.load import Run
from auxdrive_train.evaluation.evaluate import evaluate
from auxdrive_train.evaluation.models import open_model


@pytest.fixture(scope="module")
def other_data(data_writer: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("elsewhere")
    return data_writer(root, 64, 80, {"train": ("a",), "test": ("b", "c")}, depth=False)


@pytest.mark.parametrize("name", ["steering", "waypoints"])
def test_a_bundle_agrees_with_its_run_on_other_data(
    bundles: dict[str, tuple[Run, Path]], other_data: Path, name: str
) -> None:
    run, bundle = bundles[name]
    of_run = evaluate(open_model(run.directory), [other_data], "test")
    of_bundle = evaluate(open_model(bundle), [other_data], "test")
    assert of_bundle.data == of_run.data
    assert of_bundle.floor == of_run.floor
    for metric, value in of_run.metrics.items():
        assert of_bundle.metrics[metric].value == pytest.approx(value.value, abs=1e-3), metric
    assert of_bundle.kind == "bundle"


def test_options_of_the_runtime_reach_it_and_change_no_metric(
    bundles: dict[str, tuple[Run, Path]], other_data: Path
) -> None:
    bundle = bundles["steering"][1]
    plain = evaluate(open_model(bundle), [other_data], "test")
    quiet = open_model(bundle, runtime_options={"spinning": False})
    assert evaluate(quiet, [other_data], "test").metrics == plain.metrics
    wrong = open_model(bundle, runtime_options={"spining": False})
    with pytest.raises(ConfigError, match="Did you mean 'spinning'"):
        evaluate(wrong, [other_data], "test")


def test_a_bundle_is_refused_what_it_does_not_hold(
    bundles: dict[str, tuple[Run, Path]], other_data: Path
) -> None:
    with pytest.raises(UsageError, match="holds a student and no 'teacher'; evaluate the run"):
        open_model(bundles["steering"][1], "teacher")
    with pytest.raises(DataError, match="images are 80x64, the model takes 1280x720"):
        evaluate(open_model(bundles["hd"][1]), [other_data], "test")
