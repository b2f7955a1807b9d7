"""The software bill of materials of an export (SBOM): the packages that made the bundle, as a
CycloneDX 1.6 document.

They are `auxdrive[deploy]` and all that it requires, as they are installed where the export ran.
The document is a plain dictionary: it says the same for the same packages and model, so it holds no
time and no random number, and its serial number follows from what it says.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import uuid
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from auxdrive.cards import ModelCard
from auxdrive.strict import dump_json
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = ("auxdrive", "deploy")
"""The distribution whose requirements make bundles, and its extra."""
MODEL_REF = "model"
_LONGEST_LICENCE = 100
_CLASSIFIER = "License :: "
# What an installer adds to a package on this machine; the package's author knows none of it.
_OF_INSTALLER = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")

Distributions = dict[str, metadata.Distribution]


def sbom_of(card: ModelCard, model: bytes, torch_of_training: str) -> bytes:
    """The content of `sbom.cdx.json`.

    Args:
        card: of the bundle.
        model: the graph.
        torch_of_training: the version of torch that trained the student, which may be another than
            the one that exports it.
    """
    found, needs = _closure()
    components = [_python(), *(_component(name, each) for name, each in sorted(found.items()))]
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _model(card, model, torch_of_training)},
        "components": components,
        "dependencies": [
            {"ref": MODEL_REF, "dependsOn": [_ref(found[ROOT[0]])] if ROOT[0] in found else []},
            *(
                {
                    "ref": _ref(each),
                    "dependsOn": sorted(_ref(found[other]) for other in needs[name] & found.keys()),
                }
                for name, each in sorted(found.items())
            ),
        ],
    }
    said = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    serial = uuid.uuid5(uuid.NAMESPACE_OID, said)
    return dump_json({"serialNumber": f"urn:uuid:{serial}", **document})


def _model(card: ModelCard, model: bytes, torch_of_training: str) -> dict[str, Any]:
    training = card.training
    facts = {
        "auxdrive:commit": training.commit,
        "auxdrive:trained_by": f"auxdrive {training.auxdrive_version}, torch {torch_of_training}",
        "auxdrive:dataset_sha256": training.dataset_sha256,
        "auxdrive:weights_sha256": training.weights_sha256,
    }
    return {
        "type": "machine-learning-model",
        "bom-ref": MODEL_REF,
        "name": card.name,
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(model).hexdigest()}],
        "properties": [{"name": name, "value": value} for name, value in facts.items() if value],
    }


def _python() -> dict[str, Any]:
    return {
        "type": "platform",
        "bom-ref": "python",
        "name": platform.python_implementation(),
        "version": platform.python_version(),
    }


def _component(name: str, found: metadata.Distribution) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": _ref(found),
        "name": name,
        "version": found.version,
        "purl": _ref(found),
    }
    if licences := _licences(found):
        made["licenses"] = licences
    if record := _files_sha256(found):
        made["properties"] = [{"name": "auxdrive:files_sha256", "value": record}]
    return made


def _ref(found: metadata.Distribution) -> str:
    """The package's URL (purl), by which the document refers to it."""
    return f"pkg:pypi/{canonicalize_name(found.name)}@{found.version.replace('+', '%2B')}"


def _licences(found: metadata.Distribution) -> list[dict[str, Any]]:
    """The licences as the package states them; a text that is no name of one is left out."""
    if expressions := found.metadata.get_all("License-Expression"):
        return [{"expression": expressions[0]}]
    classified = [
        each.removeprefix(_CLASSIFIER).removeprefix("OSI Approved :: ")
        for each in found.metadata.get_all("Classifier") or []
        if each.startswith(_CLASSIFIER) and each != "License :: OSI Approved"
    ]
    if not classified:
        text = "\n".join(found.metadata.get_all("License") or ()).strip()
        classified = [text] if text and "\n" not in text and len(text) <= _LONGEST_LICENCE else []
    return [{"license": {"name": name}} for name in sorted(set(classified))]


def _files_sha256(found: metadata.Distribution) -> str | None:
    """The SHA-256 over the sorted lines "<SHA-256> <path>" of the files that the package consists
    of, as it states them itself (`RECORD`); the files are not read. None where it states none, and
    for a package that is used from a checkout: it states where that lies, and no more.
    """
    if _is_editable(found):
        return None
    lines = []
    for file in found.files or ():
        if file.hash is None or file.hash.mode != "sha256" or ".." in file.parts:
            continue
        if file.parts[0].endswith(".dist-info") and file.name in _OF_INSTALLER:
            continue
        value = base64.urlsafe_b64decode(file.hash.value + "=" * (-len(file.hash.value) % 4)).hex()
        lines.append(f"{value} {file.as_posix()}\n")
    if not lines:
        return None
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _is_editable(found: metadata.Distribution) -> bool:
    """Whether a distribution is a link to a checkout (`pip install -e`)."""
    origin = found.read_text("direct_url.json")
    return origin is not None and bool(json.loads(origin).get("dir_info", {}).get("editable"))


def _closure() -> tuple[Distributions, dict[str, set[str]]]:
    """`ROOT` and all installed distributions that it requires, by canonical name; and for each the
    names of those that it requires itself.
    """
    found: Distributions = {}
    needs: dict[str, set[str]] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [ROOT, (ROOT[0], "")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            found.setdefault(name, metadata.distribution(name))
        except metadata.PackageNotFoundError:
            continue
        required = list(_requirements(found[name], extra))
        needs.setdefault(name, set()).update(other for other, _ in required if other != name)
        waiting += required
    return found, needs


def _requirements(found: metadata.Distribution, extra: str) -> Iterator[tuple[str, str]]:
    """What a distribution requires with an extra on this machine: names, and an extra or "" of
    each.
    """
    for line in found.requires or ():
        try:
            wanted = Requirement(line)
        except InvalidRequirement:  # of before the standard; pip ignores it too
            continue
        if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
            name = canonicalize_name(wanted.name)
            yield name, ""
            yield from ((name, inner) for inner in sorted(wanted.extras))
