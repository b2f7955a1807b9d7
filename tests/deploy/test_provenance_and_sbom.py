"""Where a bundle comes from: the chain from data to graph, and the packages that made it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
from auxdrive import Bundle
from auxdrive.bundles import SBOM_NAME, parse_card
from auxdrive.inspection.bundles_and_runs import summarise_bundle
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_deploy.provenance import provenance_of, weights_sha256
from auxdrive_deploy.sbom import sbom_of
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.load import Run
from auxdrive_train.engine.run_folder import config_sha256
from safetensors.torch import load_file


@pytest.fixture(scope="module")
def bundle(steering_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("bundles") / "first"
    write_bundle(steering_run, out)
    return Bundle.open(out)


def test_the_chain_leads_from_the_data_to_the_graph(steering_run: Run, bundle: Bundle) -> None:
    links = {each["link"]: each for each in summarise_bundle(bundle.path)["provenance"]}
    assert list(links) == [
        "data set", "code", "config", "trained with", "student's weights", "graph", "packages",
        "card", "signature",
    ]  # fmt: skip
    assert links["data set"]["sha256"] == steering_run.record.dataset_sha256
    assert steering_run.record.commit in links["code"]["what"]
    assert links["config"]["what"].startswith("samd, pilotnet, with depth, seed 3, ")
    assert links["config"]["sha256"] == config_sha256(steering_run.config)
    assert links["trained with"]["what"] == "teacher"
    graph = hashlib.sha256((bundle.path / "model.onnx").read_bytes()).hexdigest()
    assert links["graph"]["sha256"] == graph
    assert links["card"]["sha256"] == bundle.card_sha256
    assert links["signature"]["what"].startswith("not signed")


def test_the_weights_are_those_of_the_checkpoint(steering_run: Run, bundle: Bundle) -> None:
    """The hash follows from the run's file alone, without auxdrive's networks."""
    stored = load_file(steering_run.folder.best_path)
    prefix = "net/student."
    student = {
        name.removeprefix(prefix): tensor
        for name, tensor in stored.items()
        if name.startswith(prefix)
    }
    digest = hashlib.sha256(b"[]")
    for name in sorted(student):
        tensor = student[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.numpy().tobytes())
    training = bundle.card.training
    assert training.weights_sha256 == digest.hexdigest()
    teacher = steering_run.roles["teacher"]
    assert training.trained_with == {"teacher": weights_sha256(teacher)}
    assert training.trained_with["teacher"] != training.weights_sha256
    with torch.no_grad():
        parameter = next(teacher.parameters())
        before = parameter.clone()
        parameter += 1
        changed = provenance_of(steering_run, steering_run.folder.result())
        parameter.copy_(before)
    assert changed.trained_with != training.trained_with
    assert changed.weights_sha256 == training.weights_sha256


def test_the_configs_hash_tells_what_changes_the_result() -> None:
    values = {"data": "a", "epochs": 1}
    first = config_sha256(parse_config(values))
    assert first == config_sha256(parse_config({**values, "data": "b", "threads": 2}))
    assert first != config_sha256(parse_config({**values, "lr": 3e-4}))


def test_a_run_without_other_networks_says_so(waypoints_run: Run) -> None:
    made = provenance_of(waypoints_run, waypoints_run.folder.result())
    assert made.trained_with == {}
    assert made.init_from_sha256 is None


def test_cards_from_before_say_unknown(bundle: Bundle, tmp_path: Path) -> None:
    card = json.loads((bundle.path / "card.json").read_text())
    for name in ("config_sha256", "weights_sha256", "trained_with", "init_from_sha256"):
        del card["training"][name]
    del card["files"][SBOM_NAME]
    for name in card["files"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((bundle.path / name).read_bytes())
    (tmp_path / "card.json").write_text(json.dumps(card))
    assert Bundle.open(tmp_path).card.training.trained_with is None
    links = {each["link"]: each for each in summarise_bundle(tmp_path)["provenance"]}
    assert links["config"]["what"].endswith("its SHA-256 unknown")
    assert links["trained with"] == {"link": "trained with", "what": "unknown", "sha256": None}
    assert links["student's weights"]["what"] == "unknown"
    assert links["packages"]["what"] == "unknown: no sbom.cdx.json"


def test_the_sbom_names_what_made_the_bundle(steering_run: Run, bundle: Bundle) -> None:
    found = json.loads(bundle.read(SBOM_NAME))
    model = found["metadata"]["component"]
    assert model["hashes"] == [{"alg": "SHA-256", "content": bundle.card.files["model.onnx"]}]
    said = {each["name"]: each["value"] for each in model["properties"]}
    assert said["auxdrive:dataset_sha256"] == steering_run.record.dataset_sha256
    assert said["auxdrive:weights_sha256"] == bundle.card.training.weights_sha256
    versions = {each["name"]: each["version"] for each in found["components"]}
    for name in ("auxdrive", "torch", "onnx", "onnxscript", "onnxruntime", "numpy", "safetensors"):
        assert versions[name] == metadata.version(name)
    assert not {"pytest", "ruff", "mypy", "panda3d"} & versions.keys()
    parts = {each["name"]: each for each in found["components"]}
    assert parts["onnxruntime"]["licenses"]
    needs = {each["ref"]: each["dependsOn"] for each in found["dependencies"]}
    assert needs["model"] == [parts["auxdrive"]["purl"]]
    assert {parts["torch"]["purl"], parts["onnx"]["purl"]} <= set(needs[parts["auxdrive"]["purl"]])
    assert parts["auxdrive"]["purl"] not in needs[parts["auxdrive"]["purl"]]


def test_the_hash_of_a_package_is_that_of_its_files(bundle: Bundle) -> None:
    """Computed from the files themselves, while the document takes it from `RECORD`."""
    found = json.loads(bundle.read(SBOM_NAME))
    part = next(each for each in found["components"] if each["name"] == "typer")
    lines = []
    for file in metadata.distribution("typer").files or ():
        installers = file.name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
        if ".." in file.parts or file.suffix == ".pyc" or (
            file.parts[0].endswith(".dist-info") and installers
        ):  # fmt: skip
            continue
        lines.append(f"{hashlib.sha256(file.locate().read_bytes()).hexdigest()} {file}\n")
    expected = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    assert part["properties"] == [{"name": "auxdrive:files_sha256", "value": expected}]


def test_the_sbom_says_the_same_each_time_and_nothing_of_the_machine(bundle: Bundle) -> None:
    data = bundle.read(SBOM_NAME)
    model = bundle.read("model.onnx")
    torch_version = torch.__version__
    assert sbom_of(bundle.card, model, torch_version) == data
    other = sbom_of(bundle.card.model_copy(update={"name": "other"}), model, torch_version)
    assert json.loads(other)["serialNumber"] != json.loads(data)["serialNumber"]
    text = data.decode()
    for secret in (str(Path.home()), sys.prefix, os.getcwd(), socket.gethostname(), "file:"):
        assert secret not in text
    assert re.search(r"\d{4}-\d\d-\d\dT", text) is None  # no time


def test_the_sbom_fits_the_schema(bundle: Bundle) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json")
    pytest.importorskip("jsonschema")
    from cyclonedx.schema import SchemaVersion

    validator = validation.JsonStrictValidator(SchemaVersion.V1_6)
    data = bundle.read(SBOM_NAME).decode()
    assert validator.validate_str(data) is None
    assert validator.validate_str(data.replace('"library"', '"book"')) is not None


def test_the_card_names_the_sbom(bundle: Bundle) -> None:
    card = parse_card((bundle.path / "card.json").read_bytes(), "card")
    data = (bundle.path / SBOM_NAME).read_bytes()
    assert card.files[SBOM_NAME] == hashlib.sha256(data).hexdigest()
