"""A public function or class with two or more arguments describes each of them: under `Args:`, or,
where a class keeps them all, under `Attributes:`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGES = ("auxdrive", "auxdrive_train", "auxdrive_deploy", "auxdrive_eval")
Described = ast.FunctionDef | ast.ClassDef


def public_ones(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, Described]]:
    for node in body:
        if isinstance(node, Described) and not node.name.startswith("_"):
            yield f"{within}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public_ones(node.body, f"{within}{node.name}.")


def is_made_by_itself(node: ast.ClassDef) -> bool:
    """Whether a class method makes it, as `Predictor.load` does; that one is what people call."""
    return any(
        isinstance(each, ast.FunctionDef)
        and any(ast.unparse(mark) == "classmethod" for mark in each.decorator_list)
        and each.returns is not None
        and ast.unparse(each.returns) in ("Self", node.name)
        for each in node.body
    )


def arguments_of(node: Described) -> set[str]:
    """Without `self` and `cls`; a class has those of its `__init__`, a dataclass has attributes."""
    if isinstance(node, ast.ClassDef):
        made = (each for each in node.body if isinstance(each, ast.FunctionDef))
        begun = next((each for each in made if each.name == "__init__"), None)
        return set() if begun is None or is_made_by_itself(node) else arguments_of(begun)
    given = node.args
    several = [each for each in (given.vararg, given.kwarg) if each is not None]
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, *several]
    return {each.arg for each in every} - {"self", "cls"}


def described(docstring: str, section: str) -> set[str]:
    found = re.search(rf"^{section}:\n((?: {{4}}.*\n?)+)", docstring, re.MULTILINE)
    return set(re.findall(r"^ {4}\**(\w+):", found[1] if found else "", re.MULTILINE))


def is_described(node: Described, docstring: str) -> bool:
    wanted, args = arguments_of(node), described(docstring, "Args")
    kept = isinstance(node, ast.ClassDef) and wanted <= described(docstring, "Attributes")
    return len(wanted) < 2 or args == wanted or (kept and not args)


def lacking(package: str) -> Iterator[str]:
    # what typer shows as the help of a command has no room for it
    commands = {point.value for point in entry_points(group="auxdrive.commands")}
    for folder in find_spec(package).submodule_search_locations:
        for file in sorted(Path(folder).rglob("*.py")):
            module = ".".join((package, *file.relative_to(folder).with_suffix("").parts))
            for name, node in public_ones(ast.parse(file.read_text(encoding="utf-8")).body):
                docstring = ast.get_docstring(node)
                if docstring is None or f"{module}:{name}" in commands:
                    continue
                if not is_described(node, docstring):
                    yield f"{module}, {name}: {', '.join(sorted(arguments_of(node)))}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_argument_is_described(package: str) -> None:
    assert list(lacking(package)) == []
