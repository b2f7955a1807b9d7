"""Every code block of the README and of docs/ runs, in order, in one folder; recording and training
are made small by name.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from warm_process import WarmProcess

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What a reader would do at length is done briefly here; every one of these must still stand in the
# pages.
SMALLER = {
    "--frames 6000": "--frames 240 --max-episode-s 12",
    "--epochs 8": "--epochs 2",
    "--task waypoints --out runs/samd": "--task waypoints --epochs 2 --out runs/samd",
    "--count 10": "--count 1",
    "bench bundles/samd --out measured": "bench bundles/samd --runtime onnxruntime:cpu --calls 20 "
    "--rounds 2 --seconds 0.5 --cold-starts 1 --out measured",
    # of few frames, each is worth more than half a point of accuracy
    "--precision fp16,int8 --calibrate 64": "--precision fp16,int8 --calibrate 16 "
    "--gate accuracy_points=5",
}


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def test_the_pages_hold_no_block_that_cannot_be_run() -> None:
    for page in PAGES:
        for language, _ in blocks(page):
            assert language in ("sh", "python", "text"), f"{page.name}: a block of '{language}'"


def test_the_site_has_every_page_and_no_other() -> None:
    """What `make docs` builds: the pages of docs/, those of the root, and one for each package."""
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    hooks = ast.parse((ROOT / site["hooks"][0]).read_text(encoding="utf-8"))
    said = {
        target.id: ast.literal_eval(node.value)
        for node in hooks.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("OF_ROOT", "PACKAGES")
    }
    assert all((ROOT / source).is_file() for source in said["OF_ROOT"])
    assert said["PACKAGES"] == ("auxdrive", "auxdrive_train", "auxdrive_deploy", "auxdrive_eval")
    pages = [page.name for page in PAGES if page.parent.name == "docs"]
    pages += [*said["OF_ROOT"].values(), *(f"api/{package}.md" for package in said["PACKAGES"])]
    assert sorted(places_of(site["nav"])) == sorted(pages)


def test_links_lead_to_files() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)#]+)", text):
            if "://" not in link:
                assert (page.parent / link).is_file(), f"{page.name}: {link}"


def test_files_that_contributing_names_are_there() -> None:
    named = re.findall(
        r"`((?:sdk|train|deploy|carla_eval|tests|docs|benchmarks)/[\w/]+\.\w+)`",
        (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
    )
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).is_file()] == []


def places_of(nav: object) -> Iterator[str]:
    """The pages that a site's navigation names."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, list | dict):
        for each in nav if isinstance(nav, list) else nav.values():
            yield from places_of(each)


@pytest.fixture
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmProcess]:
    process = WarmProcess(tmp_path_factory.mktemp("warm") / "said")
    yield process
    process.close()


@pytest.mark.slow
def test_every_block_runs(warm: WarmProcess, tmp_path: Path) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert all(long in text for long in SMALLER)
    for page in PAGES:
        for language, code in blocks(page):
            run_block(language, code, warm, tmp_path, page.name)
    assert (tmp_path / "bundles" / "samd" / "card.json").exists()
    assert (
        tmp_path / "runs" / "mimic" / "result.json"
    ).exists()  # docs/methods.md's own method was trained


def run_block(language: str, code: str, warm: WarmProcess, folder: Path, page: str) -> None:
    if language == "python":
        warm.run(folder, page, code=code)
    if language != "sh":
        return
    for line in code.replace("\\\n", " ").splitlines():
        for long, short in SMALLER.items():
            line = line.replace(long, short)
        words = shlex.split(line, comments=True)
        if not words:
            continue
        if words[0] == "make":
            # These set up an environment of their own and run this very test; that they exist is
            # what can be checked here.
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
            continue
        assert words[0] == "auxdrive", f"{page}: {line}"
        warm.run(folder, page, words=words[1:])
