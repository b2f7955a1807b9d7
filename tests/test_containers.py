"""The container files, read as a linter would: there is no Docker where the tests run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
SECRET = re.compile(r"password|secret|token|api_?key|://[^/\s]*@", re.IGNORECASE)
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def instructions(file: Path) -> list[tuple[str, str]]:
    """(instruction, arguments) of a container file, without comments."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    return [(name, rest) for name, rest in found]


def test_there_is_one_for_the_vehicle_and_one_for_training() -> None:
    assert [file.name for file in FILES] == ["base.Dockerfile", "train.Dockerfile"]


@each_file
def test_it_starts_from_one_pinned_python_that_auxdrive_takes(file: Path) -> None:
    images = {rest.split()[0] for name, rest in instructions(file) if name == "FROM"}
    (image,) = images
    pinned = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-\w+", image)
    assert pinned, image
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lowest = re.fullmatch(r">=(\d+)\.(\d+)", project["requires-python"])
    assert lowest
    assert tuple(map(int, pinned.groups())) >= tuple(map(int, lowest.groups()))


@each_file
def test_it_runs_as_nobody_of_rank_and_holds_no_secret(file: Path) -> None:
    found = instructions(file)
    users = [rest for name, rest in found if name == "USER"]
    assert users == ["auxdrive"]
    last_from = max(place for place, (name, _) in enumerate(found) if name == "FROM")
    user = found.index(("USER", "auxdrive"))
    assert user > last_from
    assert not any(name in ("RUN", "COPY", "ADD") for name, _ in found[user:])
    assert ("ENTRYPOINT", '["auxdrive"]') in found
    assert not any(name == "ADD" for name, _ in found)
    assert not any(SECRET.search(rest) for name, rest in found)


@each_file
def test_what_it_copies_is_there_and_is_let_through(file: Path) -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    for name, rest in instructions(file):
        if name == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignored, source


def test_what_is_installed_is_all_that_is_let_through() -> None:
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert allowed == {
        "pyproject.toml",
        project["project"]["readme"],
        *project["project"]["license-files"],
        *(package.split("/")[0] for package in packages),
    }


def test_commands_are_those_of_the_readme_and_torch_that_of_the_makefile() -> None:
    readme = (ROOT / "README.md").read_text()
    runs = {
        file.stem: " ".join(rest for name, rest in instructions(file) if name == "RUN")
        for file in FILES
    }
    for stem, wanted in (("base", "pip install '.[cli]'"), ("train", "pip install '.[all]'")):
        assert f"`{wanted}`" in readme
        assert wanted.replace("install ", "install --no-cache-dir ") in runs[stem]
    (torch,) = re.findall(r"^TORCH := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"install --no-cache-dir {torch}" in runs["train"]
    assert "torch" not in runs["base"]
