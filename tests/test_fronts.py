"""The fronts of the four packages: what they offer, at what cost, and what is said of it."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FRONTS = {
    "auxdrive": "sdk",
    "auxdrive_train": "train",
    "auxdrive_deploy": "deploy",
    "auxdrive_eval": "carla_eval",
}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOT_CHEAP = ("numpy", "pydantic", "torch", "onnx", "onnxruntime", "panda3d", "scipy")
ARRAY = re.compile(r"\b(?:Tensor|NDArray|AnyArray|Float32|Float64|UInt8|UInt16|ndarray)\b")
SHAPE = re.compile(r"\([A-Z0-9*]\w*,|\bshapes?\b|\bscalars?\b")
every_front = pytest.mark.parametrize("package", FRONTS)


def offered(package: str) -> dict[str, Any]:
    """What stands at a front, by name."""
    module = import_module(package)
    return {name: getattr(module, name) for name in module.__all__ if not name.startswith("_")}


def is_ours(value: object) -> bool:
    return (getattr(value, "__module__", "") or "").startswith("auxdrive")


def members(name: str, value: object) -> Iterator[tuple[str, object]]:
    """A name and, of a class, its public methods and properties that are our own."""
    yield name, value
    if not inspect.isclass(value):
        return
    for key, member in inspect.getmembers(value):
        if key.startswith("_"):
            continue
        member = member.fget if isinstance(member, property) else member
        if (inspect.isfunction(member) or inspect.ismethod(member)) and is_ours(member):
            yield f"{name}.{key}", member


@every_front
def test_a_front_is_one_list(package: str) -> None:
    """What type checkers see, what is imported when it is asked for, and `__all__` agree."""
    tree = ast.parse((ROOT / FRONTS[package] / package / "__init__.py").read_text())
    (checked,) = (each for each in tree.body if isinstance(each, ast.If))
    typed = {
        alias.name: node.module
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    (call,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "front"
    )
    lazy = {
        name: f"{package}.{module}"
        for module, names in ast.literal_eval(call.args[1]).items()
        for name in names.split()
    }
    assert lazy == typed
    assert set(import_module(package).__all__) - {"__version__"} == set(lazy)
    assert set(offered(package)) <= set(dir(import_module(package)))
    with pytest.raises(AttributeError, match=f"'{package}' has no attribute 'nothing'"):
        import_module(package).nothing  # noqa: B018


@every_front
def test_naming_a_package_is_cheap(package: str) -> None:
    loaded = f"[name for name in {NOT_CHEAP} if name in sys.modules]"
    code = f"import json, sys, {package}; print(json.dumps({loaded}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@every_front
def test_everything_public_is_explained(package: str) -> None:
    silent = [
        name
        for each, value in offered(package).items()
        if callable(value)
        for name, member in members(each, value)
        if not inspect.getdoc(member)
    ]
    assert silent == []


@every_front
def test_arrays_come_with_their_shapes(package: str) -> None:
    """A signature or a field that is an array has its shape in the docstring of the function, or of
    the class.
    """
    untold = []
    for each, value in offered(package).items():
        if not callable(value):
            continue
        of_class = inspect.getdoc(value) or ""
        for name, member in members(each, value):
            if inspect.isclass(member):
                types = " ".join(map(str, inspect.get_annotations(member).values()))
            else:
                types = str(inspect.signature(member))  # type: ignore[arg-type]
            if ARRAY.search(types) and not SHAPE.search(f"{inspect.getdoc(member)} {of_class}"):
                untold.append(name)
    assert untold == []


def test_pages_import_from_the_fronts() -> None:
    for page in PAGES:
        for code in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S):
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("auxdrive"):
                    assert node.module in FRONTS, f"{page.name}: from {node.module} import ..."
