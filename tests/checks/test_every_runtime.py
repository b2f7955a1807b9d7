"""What every runtime must do on each of its devices that this machine has: the numbers of an
independent reference, refusals that say why, the same buffers and the same outputs at each call.
One that is added is covered by its row.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bundle_factory
import numpy as np
import pytest
from auxdrive.bundles import Bundle
from auxdrive.checks.parity import compare, observations, predict_all, read_reference
from auxdrive.checks.verify import verify_bundle
from auxdrive.errors import BundleError, ConfigError, RuntimeUnavailable, UsageError
from auxdrive.predictor import Predictor
from auxdrive.runtimes import RUNTIMES, RuntimeSpec, open_session
from auxdrive.strict import Strict

BUNDLES = ("steering", "waypoints")
every_runtime = pytest.mark.parametrize("name", RUNTIMES.names())


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each task, with the reference outputs of a runtime in plain NumPy."""
    folder = tmp_path_factory.mktemp("bundles")
    return {task: bundle_factory.write_bundle(folder / task, task) for task in BUNDLES}


@pytest.fixture(scope="session", params=BUNDLES)
def bundle(request: pytest.FixtureRequest, bundles: dict[str, Path]) -> Path:
    """Each of them."""
    return bundles[request.param]


@pytest.fixture
def there(name: str) -> str:
    """A device of the runtime that this machine has."""
    found = list(devices_of(name))
    if not found:
        pytest.skip(f"{name} has no device here: {probed(name)['devices']}")
    return found[0]


def probed(name: str) -> Mapping[str, Any]:
    """What the runtime says of this machine; skips where its package is not installed."""
    try:
        return RUNTIMES[name].probe()
    except ImportError as error:
        pytest.skip(f"{name} is not installed: {error}")


def devices_of(name: str) -> Iterator[str]:
    """All that this machine has."""
    spec, found = RUNTIMES[name], probed(name)["devices"]
    yield from (device for device in spec.devices if not found[device])


@every_runtime
def test_it_says_what_it_is(name: str) -> None:
    spec = RUNTIMES[name]
    assert isinstance(spec, RuntimeSpec)
    assert spec.name == name
    assert spec.devices
    assert issubclass(spec.options_type, Strict)
    spec.options_type()  # every option has a default
    told = probed(name)
    assert told["version"]
    assert set(told["devices"]) == set(spec.devices)


@every_runtime
def test_naming_it_does_not_import_what_executes(name: str) -> None:
    code = (
        "import sys; from auxdrive.runtimes import RUNTIMES\n"
        f"before = set(sys.modules); package = RUNTIMES[{name!r}].package\n"
        "assert package not in set(sys.modules) - before, package"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@every_runtime
def test_its_numbers_are_those_of_the_reference_on_every_device(name: str, bundle: Path) -> None:
    card = Bundle.open(bundle).card
    wanted = read_reference(Bundle.open(bundle))
    for device in devices_of(name):
        with Predictor.load(bundle, name, device) as predictor:
            found = predict_all(predictor, wanted.images, wanted.ego)
        assert compare(card.task, found, wanted.outputs).worst <= card.parity.limit
        assert compare(card.task, found, wanted.negative_control).worst > card.parity.limit
        assert verify_bundle(bundle, name, device).passed


@every_runtime
def test_a_device_that_this_machine_lacks_is_refused(name: str, bundle: Path) -> None:
    for device in set(RUNTIMES[name].devices) - set(devices_of(name)):
        with pytest.raises(RuntimeUnavailable):
            Predictor.load(bundle, name, device)


@every_runtime
def test_devices_and_options_that_there_are_not_are_mistakes(name: str, bundle: Path) -> None:
    spec = RUNTIMES[name]
    with pytest.raises(UsageError, match=f"'{name}': unknown device '{spec.devices[0]}x'.*Did you"):
        Predictor.load(bundle, name, f"{spec.devices[0]}x")
    with pytest.raises(ConfigError, match=f"'{name}': .*surprise"):
        Predictor.load(bundle, name, spec.devices[0], options={"surprise": 1})


@every_runtime
def test_a_graph_that_is_none_or_another_is_refused(name: str, there: str) -> None:
    model = bundle_factory.model(1).SerializeToString()
    image, steer = (
        each.model_copy(update={"shape": (1, *each.shape[1:])})
        for each in (bundle_factory.IMAGE, bundle_factory.output("steering"))
    )
    open_session(name, model, [image], [steer], there).close()
    for data, inputs, outputs in (
        (b"no graph", [image], [steer]),
        (model[: len(model) // 2], [image], [steer]),
        (model, [image, bundle_factory.SPEED], [steer]),
        (model, [image.model_copy(update={"shape": (1, 24, 40, 3)})], [steer]),
        (model, [image], [steer.model_copy(update={"name": "angle"})]),
        (model, [image], [steer.model_copy(update={"shape": (1, 2)})]),
    ):
        with pytest.raises(BundleError):
            open_session(name, data, inputs, outputs, there)


@every_runtime
def test_buffers_are_the_same_at_each_call_and_so_are_outputs(name: str, there: str) -> None:
    image, steer = (
        each.model_copy(update={"shape": (1, *each.shape[1:])})
        for each in (bundle_factory.IMAGE, bundle_factory.output("steering"))
    )
    model = bundle_factory.model(1).SerializeToString()
    session = open_session(name, model, [image], [steer], there)
    (seen,), (told,) = session.inputs.values(), session.outputs.values()
    assert (seen.shape, seen.dtype) == ((1, 24, 32, 3), np.uint8)
    assert (told.shape, told.dtype) == ((1, 1), np.float32)
    frames, _ = bundle_factory.frames("steering")
    outputs: list[list[float]] = []
    for _ in range(2):
        outputs.append([])
        for frame in frames:
            session.inputs["image"][0] = frame
            session.run()
            outputs[-1].append(float(session.outputs["steer_rad"][0, 0]))
    assert session.inputs["image"] is seen
    assert session.outputs["steer_rad"] is told
    assert outputs[0] == outputs[1]
    assert len(set(outputs[0])) == len(frames)
    session.run(deadline_s=60.0)  # a deadline that is kept changes nothing
    assert float(told[0, 0]) == outputs[0][-1]
    assert session.providers
    session.close()


@every_runtime
def test_threads_change_nothing_that_counts(name: str, there: str, bundle: Path) -> None:
    card, frames = Bundle.open(bundle).card, read_reference(Bundle.open(bundle))
    outputs = []
    for threads in (1, 2):
        with Predictor.load(bundle, name, there, threads=threads) as predictor:
            outputs.append(predict_all(predictor, frames.images, frames.ego))
    assert compare(card.task, *outputs).worst <= card.parity.limit


@every_runtime
def test_a_predictor_is_shared_between_threads(name: str, there: str, bundle: Path) -> None:
    frames = read_reference(Bundle.open(bundle))
    with Predictor.load(bundle, name, there) as predictor:
        seen = list(observations(predictor.card, frames.images, frames.ego))
        alone = [predictor.predict(each) for each in seen]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(predictor.predict, seen * 20))
    assert together == alone * 20
    assert all(not each.is_empty for each in alone)
    with pytest.raises(UsageError, match="closed"):
        predictor.predict(seen[0])
