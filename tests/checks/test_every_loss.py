"""The checks that every distillation loss of the table must pass; a new one is covered by its row.

The names are the table's and one more: a loss that trains a part, compares maps and remembers
samples. Each loss has a test of its own in `tests/train`: its formula against a float64 twin that
was written from the paper. Degenerate features are in `tests/train/test_losses_degenerate.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from auxdrive.cards import PreprocessingSpec
from auxdrive.modalities import Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.losses import LOSSES
from auxdrive_train.losses.contract import Loss
from auxdrive_train.methods.contract import Setup
from auxdrive_train.methods.samd import SAMD, SAMDOptions
from auxdrive_train.models.build import Build
from auxdrive_train.models.networks import Output
from auxdrive_train.tasks import make_task
from auxdrive_train.tasks.base import Task
from loss_inputs import CARD, SAMPLES, batch_of, cost, fresh, output
from remembering_loss import Remembering
from torch import Tensor

TASKS = {name: make_task(name, CARD) for name in ("steering", "waypoints")}
every_loss = pytest.mark.parametrize("name", [*LOSSES.names(), "remembering"])
every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


@pytest.fixture(autouse=True)
def _remembering() -> Iterator[None]:
    LOSSES.add("remembering", Remembering)
    yield
    LOSSES.remove("remembering")


def features(
    seed: int, count: int = 6, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> Tensor:
    """(count, 6), the same numbers on every device."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.float64 if dtype == torch.float64 else torch.float32
    return torch.randn(count, 6, dtype=drawn, generator=generator).to(device, dtype)


def computed_in(dtype: torch.dtype) -> torch.dtype:
    """A loss is computed in float32 or better; its parts are of that type too."""
    return torch.promote_types(dtype, torch.float32)


@every_loss
def test_it_says_where_it_comes_from_and_how_much_it_weighs(name: str) -> None:
    entry = LOSSES[name]
    assert issubclass(entry, Loss)
    assert entry.paper
    assert entry.beta > 0
    assert entry.__doc__


@every_task
@pytest.mark.parametrize("count", [2, 6])
@every_loss
def test_it_is_a_finite_number_where_its_inputs_are(
    name: str, count: int, task: Task, device: str, dtype: torch.dtype
) -> None:
    """Also for the smallest batch that training allows; of their type, or float32 where that is
    better.
    """
    student = features(1, count, dtype, device).requires_grad_(True)
    teacher = features(2, count, dtype, device)
    loss = fresh(name, task).to(device, computed_in(dtype))
    batch = batch_of(count, task).to(device)
    value = cost(loss, output(student, task), output(teacher, task), batch)
    assert value.shape == ()
    assert value.dtype == computed_in(dtype)
    assert value.device.type == device
    assert torch.isfinite(value)
    value.backward()
    assert student.grad is not None
    assert torch.isfinite(student.grad).all()


@every_task
@every_loss
def test_float32_agrees_with_float64(name: str, task: Task, device: str) -> None:
    """On the device, with float64 on the CPU."""
    values = []
    for where, dtype in ((device, torch.float32), ("cpu", torch.float64)):
        ours, theirs = (
            output(features(seed, 6, torch.float64).to(where, dtype), task) for seed in (1, 2)
        )
        loss = fresh(name, task).to(where, dtype)
        values.append(cost(loss, ours, theirs, batch_of(6, task).to(where)).item())
    assert values[0] == pytest.approx(values[1], rel=1e-4, abs=1e-6)


@every_task
@every_loss
def test_it_is_zero_where_student_equals_teacher_if_it_says_so(
    name: str, task: Task, device: str, dtype: torch.dtype
) -> None:
    same, other = (output(features(seed, 6, dtype, device), task) for seed in (1, 2))
    loss, batch = fresh(name, task).to(device, computed_in(dtype)), batch_of(6, task).to(device)
    for_equals = cost(loss, same, same, batch).item()
    assert (abs(for_equals) < 1e-6) == loss.zero_for_equals, (
        f"{for_equals:g} for equals, and zero_for_equals is {loss.zero_for_equals}"
    )
    weighed = loss.beta * cost(loss, same, other, batch).item()
    assert weighed > 1e-3, f"beta times the loss of features that differ is {weighed:g}: nothing"


@every_task
@every_loss
def test_its_gradient_reaches_the_student_and_its_own_parts_alone(name: str, task: Task) -> None:
    student, teacher = (features(seed).requires_grad_(True) for seed in (1, 2))
    loss = fresh(name, task)
    cost(loss, output(student, task), output(teacher, task), batch_of(6, task)).backward()
    assert student.grad is not None
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None
    for part, parameter in loss.named_parameters():
        assert parameter.grad is not None, part
        assert torch.isfinite(parameter.grad).all(), part


@every_loss
def test_mixed_precision_leaves_it_in_float32(name: str, device: str) -> None:
    """Features of a trained network lie close together: their relations drown in bfloat16's
    rounding, and angles go through a matmul.
    """
    student, teacher = (output(10 + 0.05 * features(seed, device=device)) for seed in (1, 2))
    loss, batch = fresh(name).to(device), batch_of(6).to(device)
    wanted = cost(loss, student, teacher, batch).item()
    with torch.autocast(device, dtype=torch.bfloat16):
        assert cost(loss, student, teacher, batch).item() == wanted
    half = replace(student, features=student.features.bfloat16())
    assert cost(loss, half, teacher, batch).dtype == torch.float32


@every_loss
def test_it_is_right_for_features_of_different_widths(name: str) -> None:
    """A student is often narrower than what teaches it."""
    student = features(1)[:, :4].clone().requires_grad_(True)
    loss = fresh(name, student=4, teacher=6)
    value = cost(loss, output(student), output(features(2)), batch_of(6))
    value.backward()
    assert torch.isfinite(value)
    assert student.grad is not None
    assert student.grad.abs().sum() > 0


@every_loss
def test_what_it_knows_of_samples_is_what_it_declares(name: str) -> None:
    """Only a loss that says that it remembers samples may depend on their numbers, or keep a
    tensor as long as the training set.
    """
    loss = fresh(name)
    student, teacher = output(features(1)), output(features(2))
    batch = batch_of(6)
    wanted = cost(loss, student, teacher, batch).item()
    if not loss.remembers_samples:
        other = replace(batch, index=batch.index.flip(0))
        assert cost(loss, student, teacher, other).item() == wanted
    assert loss.remembers_samples == any(SAMPLES in tensor.shape for tensor in loss.buffers())


@every_loss
def test_its_state_is_all_that_it_is(name: str) -> None:
    """Trained a little, stored, and loaded into a fresh one: both cost the same from there on. This
    is what makes a resumed run exact.
    """
    loss = fresh(name)
    parameters = list(loss.parameters())
    optimizer = torch.optim.SGD(parameters, lr=0.01) if parameters else None
    for seed in range(3, 6):
        torch.manual_seed(seed)
        value = loss(output(features(seed).requires_grad_(True)), output(features(2)), batch_of(6))
        if optimizer is not None:
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    resumed = fresh(name)
    resumed.load_state_dict({key: value.clone() for key, value in loss.state_dict().items()})
    values = []
    for each in (loss, resumed):
        torch.manual_seed(9)
        values.append(each(output(features(1)), output(features(2)), batch_of(6)).item())
    assert values[0] == values[1]


def samd(loss: str, task: Task) -> SAMD:
    build = Build("pilotnet", PreprocessingSpec(size=(66, 80)), task, dropout=0.0)
    options = SAMDOptions(loss=loss, epochs_per_round=1)
    return SAMD(Setup(Modality.RGB, (Modality.DEPTH,), build, 1), options)


@every_task
@every_loss
def test_black_frames_give_a_finite_loss_and_gradient_in_training(name: str, task: Task) -> None:
    """A lens cap on every sensor: all samples are the same, and nothing varies."""
    made = samd(name, task)
    torch.manual_seed(5)
    networks = made.trained_modules(samples=SAMPLES).train()
    count = 3
    black = Batch(
        {
            Modality.RGB: torch.zeros(count, 70, 90, 3, dtype=torch.uint8),
            Modality.DEPTH: torch.zeros(count, 70, 90, dtype=torch.int16).view(torch.uint16),
        },
        {m: torch.ones(count, dtype=torch.bool) for m in (Modality.RGB, Modality.DEPTH)},
        torch.zeros(count, task.ego.width),
        torch.zeros(count, *task.label_shape),
        torch.arange(count),
    )
    step = made.student_loss(networks, black)
    torch.stack(list(step.losses.values())).sum().backward()
    assert all(torch.isfinite(value) for value in step.losses.values())
    for part, parameter in networks.named_parameters():
        assert parameter.grad is None or torch.isfinite(parameter.grad).all(), part


@every_loss
def test_a_network_gives_every_map_that_it_asks_for(name: str) -> None:
    """On the smallest backbone, as in `make_loss`, which refuses a name that there is not."""
    made = samd(name, TASKS["steering"])
    loss = made.trained_modules(samples=SAMPLES)["distillation"]
    student = made.networks()["student"]
    frames = torch.zeros(2, 70, 90, 3, dtype=torch.uint8)
    batch = Batch(
        {Modality.RGB: frames},
        {Modality.RGB: torch.ones(2, dtype=torch.bool)},
        torch.zeros(2, 0),
        torch.zeros(2, 1),
        torch.arange(2),
    )
    found: Output = student(batch, loss.maps)
    assert set(found.maps) == set(loss.maps)
