"""What MkDocs does beside its plugins: pages that lie at the root of the repository, and pages of
the packages' fronts, which are made from their docstrings.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

from auxdrive import Registry
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
OF_ROOT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
    "CHANGELOG.md": "CHANGELOG.md",
}
"""Pages of the root and where they stand in the site; other files that pages link to keep their
places.
"""
OUTWARDS = re.compile(r"(?<=\]\()\.\./([^)#]+)")
"""A link from a page of `docs` to what lies outside."""
PACKAGES = ("auxdrive", "auxdrive_train", "auxdrive_deploy", "auxdrive_eval")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what does not lie in `docs`."""
    linked = {
        link
        for page in (ROOT / "docs").glob("*.md")
        for link in OUTWARDS.findall(page.read_text("utf-8"))
    }
    for source in sorted({*OF_ROOT, *linked}):
        place = OF_ROOT.get(source, source)
        files.append(File.generated(config, place, content=(ROOT / source).read_text("utf-8")))
    for package in PACKAGES:
        files.append(File.generated(config, f"api/{package}.md", content=front_page(package)))
    return files


def front_page(package: str) -> str:
    """A package's front: its docstring, and every name with its own."""
    module = import_module(package)
    names = sorted(
        (name for name in module.__all__ if not name.startswith("_")),
        key=lambda name: (name.isupper(), name.lower()),
    )
    parts = [f"# {package}\n\n{opening(module.__doc__ or '')}"]
    for name in names:
        value = getattr(module, name)
        if name.isupper():
            parts.append(f"## {name}\n\n{table(value)}")
        else:
            parts.append(f"::: {value.__module__}.{name}")
    return "\n\n".join(parts) + "\n"


def opening(docstring: str) -> str:
    """A package's docstring, its indented program as a block."""
    head, _, program = docstring.partition("\n\n")
    program = dedent(program).strip()
    return f"{head}\n\n```python\n{program}\n```" if program else head


def table(value: Any) -> str:
    """What a name in capitals is: a registry's names, or a value."""
    if isinstance(value, Registry):
        names = ", ".join(f"`{offer.name}`" for offer in value.offers() if offer.is_built_in)
        return f"A registry of {value.what}s (entry points `{value.group}`): {names}."
    if isinstance(value, str):
        return f'`"{value}"`'
    return f"A table: {', '.join(f'`{key}`' for key in value)}."


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between the root and `docs` as they are in the site."""
    del config, files
    if page.file.src_uri in OF_ROOT.values():
        return re.sub(r"\]\(docs/", "](", markdown)
    return OUTWARDS.sub(lambda link: OF_ROOT.get(link[1], link[1]), markdown)
