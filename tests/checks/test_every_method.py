"""What every training method must do: phases that train what it has, a loss that falls, the roles
that it declares, a resume that changes no bit, and a student that sees RGB alone and verifies. One
that is added is covered by its row.

Settings that count epochs are set to one; all others stay at a method's defaults.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from auxdrive.bundles import IMAGE_INPUT, Bundle
from auxdrive.cards import PreprocessingSpec
from auxdrive.data.dataset import Dataset
from auxdrive.errors import ConfigError, UsageError
from auxdrive.modalities import Modality
from auxdrive.runs import RunFolder
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_deploy.student_graph import student_of
from auxdrive_train.engine import checkpoint, epoch
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.train import train
from auxdrive_train.losses.contract import Loss
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import STUDENT, Method, Setup
from auxdrive_train.models.build import Build
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.tasks import TASKS, make_task
from menu_of_methods import AUXILIARIES, a_batch, auxiliaries_of, phases, short, task_of
from pydantic import ValidationError
from stripes import write_stripe_data

STEPS = 10
PLACE = 5  # where the arguments of `epoch._step` have phase, epoch and step
TIMED = ("samples_per_s", "wait_share")
WHOLE = ("samd", "umt", "dmcl")
"""Methods that are trained whole on every task; the others on one, and a step of each of their
phases on every task.
"""
every_method = pytest.mark.parametrize("name", METHODS.names())
every_task = pytest.mark.parametrize("task", TASKS.names())


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six short drives after a bright stripe; one lacks depth."""
    return write_stripe_data(tmp_path_factory.mktemp("stripe"), frames=12)


def config_of(name: str, data: Path, task: str, **changes: object) -> TrainConfig:
    """A short run on small images. On a method's own task two epochs, so that a run can be cut off
    where its optimisers have a past, and averaged weights.
    """
    values = {
        "data": str(data),
        "method": name,
        "task": task,
        "aux": [m.value for m in auxiliaries_of(name)],
        "options": short(name),
        "epochs": 2 if task == task_of(name) else 1,
        "ema": 0.9 if task == task_of(name) else None,
        "preprocessing": {"size": [64, 80]},
        "batch_size": 16,
        "threads": 1,
        "lr": 2e-3,
        "evaluate": ["test"],
        **changes,
    }
    return parse_config(values)


@pytest.fixture(scope="session")
def trained(
    data: Path, tmp_path_factory: pytest.TempPathFactory, device: str, precision: str
) -> Callable[[str, str], Path]:
    """A finished run of a method on a task, each trained once."""
    runs: dict[tuple[str, str], Path] = {}

    def run_of(name: str, task: str) -> Path:
        if (name, task) not in runs:
            out = tmp_path_factory.mktemp("runs") / f"{name}-{task}"
            config = config_of(name, data, task, device=device, precision=precision)
            train(config, out)
            runs[name, task] = out
        return runs[name, task]

    return run_of


@pytest.fixture(scope="session")
def method(data: Path) -> Callable[..., Method]:
    """A method by its name, on PilotNet and by default on steering."""
    card = Dataset.open(data).card

    def made(name: str, auxiliaries: tuple[Modality, ...] | None = None, task: str = "") -> Method:
        task = task or task_of(name)
        build = Build(
            "pilotnet", PreprocessingSpec(size=(64, 80)), make_task(task, card), dropout=0.0
        )
        seen = auxiliaries_of(name) if auxiliaries is None else auxiliaries
        options = METHODS[name].options_type.model_validate(short(name))
        return METHODS[name](Setup(Modality.RGB, seen, build, epochs=1), options)

    return made


@every_method
def test_it_says_what_it_is(name: str) -> None:
    entry = METHODS[name]
    assert issubclass(entry, Method)
    assert entry.name == name
    assert entry.__doc__
    assert entry.summary
    assert entry.paper
    entry.options_type()  # every setup has a default
    for key, field in entry.options_type.model_fields.items():
        assert field.description, key
    with pytest.raises(ValidationError, match="surprise"):
        entry.options_type.model_validate({"surprise": 1})


@every_method
def test_auxiliaries_are_asked_for_where_needed_and_refused_where_not(
    name: str, method: Callable[..., Method]
) -> None:
    needs = METHODS[name].needs_auxiliaries
    with pytest.raises(ConfigError, match="needs at least one auxiliary" if needs else "uses no"):
        method(name, () if needs else AUXILIARIES)
    most = METHODS[name].most_auxiliaries
    if needs and most is not None:
        with pytest.raises(ConfigError, match=f"at most {most} .*and {most + 1} were given"):
            method(name, AUXILIARIES[: most + 1])


@every_method
def test_its_phases_train_what_it_has_and_watch_a_role(
    name: str, method: Callable[..., Method]
) -> None:
    made = method(name)
    networks = made.trained_modules(samples=5)
    planned = phases(made)
    assert planned
    assert len({phase.name for phase in planned}) == len(planned)
    roles = made.roles(networks)
    assert all(set(each.modalities) <= set(made.modalities) for each in roles.values())
    for phase in planned:
        assert phase.watch in roles
        assert phase.epochs >= 1
        assert phase.trains
        for part in phase.trains:
            module = networks.get_submodule(part)
            assert isinstance(module, Loss) or sum(p.numel() for p in module.parameters()) > 0
    if STUDENT in roles:
        student = roles[STUDENT]
        assert isinstance(student, SingleNetwork)
        assert student.modalities == (Modality.RGB,)


@every_method
def test_the_loss_of_each_phase_falls(
    name: str, method: Callable[..., Method], device: str
) -> None:
    """On one batch, all else frozen and in evaluation mode as the engine leaves it."""
    made = method(name)
    torch.manual_seed(1)
    networks = made.trained_modules(samples=8).to(device)
    batch = a_batch(made.modalities, made.task, device)
    for phase in phases(made):
        if phase.begin is not None:
            phase.begin(networks, lambda modality: replace(batch))
        networks.eval().requires_grad_(False)
        trained = [networks.get_submodule(part) for part in phase.trains]
        parameters = [
            each for module in trained for each in module.train().requires_grad_().parameters()
        ]
        optimizer = torch.optim.AdamW(list(dict.fromkeys(parameters)), lr=1e-3)
        costs = []
        for _ in range(STEPS):
            step = phase.loss(networks, batch)
            assert all(math.isfinite(value) for value in step.logged.values())
            total = torch.stack(list(step.losses.values())).sum()
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            costs.append(float(total.detach()))
        assert all(math.isfinite(cost) for cost in costs), phase.name
        assert min(costs[-5:]) < costs[0], f"{phase.name}: {costs}"


@every_method
@every_task
def test_each_phase_learns_every_task(
    name: str, task: str, method: Callable[..., Method], device: str
) -> None:
    """A step of each phase has a finite cost, and a gradient for what it trains."""
    if METHODS[name].needs_probabilities and not TASKS[task].has_probabilities:
        with pytest.raises(ConfigError, match=f"a {task} model predicts none"):
            method(name, task=task)
        return
    made = method(name, task=task)
    torch.manual_seed(1)
    networks = made.trained_modules(samples=8).to(device)
    batch = a_batch(made.modalities, made.task, device)
    for phase in phases(made):
        if phase.begin is not None:
            phase.begin(networks, lambda modality: batch)
        networks.eval().requires_grad_(False)
        trained = [networks.get_submodule(part).train().requires_grad_() for part in phase.trains]
        step = phase.loss(networks, batch)
        total = torch.stack(list(step.losses.values())).sum()
        assert math.isfinite(float(total.detach())), phase.name
        total.backward()
        for part, module in zip(phase.trains, trained, strict=True):
            assert any(each.grad is not None for each in module.parameters()) or not list(
                module.parameters()
            ), part
            module.zero_grad()


@pytest.mark.parametrize(
    ("name", "task"),
    [(n, t) for n in METHODS.names() for t in TASKS.names() if t == task_of(n) or n in WHOLE],
)
def test_it_trains_with_a_modality_missing_here_and_there_and_measures_its_roles(
    name: str, task: str, trained: Callable[[str, str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    out = trained(name, task)
    result, lines = RunFolder(out).result(), records(out)
    assert sum(record.epochs for record in result.phases) == len(lines)
    for line in lines:
        numbers = [value for key, value in line.items() if key.startswith(("loss/", "train/"))]
        assert numbers
        assert all(math.isfinite(value) for value in numbers), line
    run = load_run(out)
    roles = set(run.method.roles(run.networks))
    assert set(run.roles) == roles
    assert set(result.metrics) == {"val", "test"}
    for metrics in result.metrics.values():
        assert set(metrics) - {"all"} == roles
    assert run.progress.best == result.best[run.task.primary_metric]


def records(run: Path) -> list[dict[str, float]]:
    """What each epoch wrote, but for its time."""
    lines = (json.loads(line) for line in RunFolder(run).metrics_path.read_text().splitlines())
    return [{key: value for key, value in line.items() if key not in TIMED} for line in lines]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in WHOLE else [pytest.mark.thorough])
        for name in METHODS.names()
    ],
)
def test_a_run_that_is_cut_off_resumes_bit_for_bit(
    name: str,
    data: Path,
    trained: Callable[[str, str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    precision: str,
) -> None:
    """Cut off in the middle of the second step of every phase's last epoch, and taken up again; of
    those that are trained on every task, of every epoch.
    """
    whole = trained(name, task_of(name))
    ends = [record.epochs for record in RunFolder(whole).result().phases]
    places = {
        (phase, number)
        for phase, count in enumerate(ends)
        for number in range(0 if name in WHOLE else count - 1, count)
    }
    original, cut = epoch._step, set[tuple[int, int]]()

    def failing(*arguments: Any) -> dict[str, float]:
        phase_index, number, step = arguments[PLACE]
        if step == 1 and (phase_index, number) in places - cut:
            cut.add((phase_index, number))
            raise KeyboardInterrupt
        return original(*arguments)

    config = config_of(name, data, task_of(name), device=device, precision=precision)
    monkeypatch.setattr(epoch, "_step", failing)
    for attempt in range(100):
        try:
            train(config, tmp_path / "cut", resume=attempt > 0)
            break
        except KeyboardInterrupt:
            continue
    assert attempt == len(cut) == len(places)
    assert records(tmp_path / "cut") == records(whole)
    for file in ("last_path", "best_path"):
        ours, theirs = (
            checkpoint.load(getattr(RunFolder(run), file)).networks
            for run in (tmp_path / "cut", whole)
        )
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())


@every_method
def test_its_student_is_exported_and_sees_rgb_alone(
    name: str, trained: Callable[[str, str], Path], tmp_path: Path
) -> None:
    run = load_run(trained(name, task_of(name)))
    if STUDENT not in run.roles:
        with pytest.raises(UsageError, match="trains no student"):
            write_bundle(run, tmp_path / "bundle")
        assert list(tmp_path.iterdir()) == []
        return
    if name != "baseline":
        plain = load_run(trained("baseline", task_of("baseline")))
        if repr(student_of(run)) == repr(student_of(plain)):
            return  # the very layers of the baseline's student, which is exported
    card = write_bundle(run, tmp_path / "bundle")
    assert [spec.name for spec in card.inputs] == [IMAGE_INPUT, *run.task.ego.names]
    assert card.training.method == name
    # nothing is written that does not pass `auxdrive verify`
    Bundle.open(tmp_path / "bundle")
