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
"""Pages and files of the root and where they stand in the site."""
CONFIGS = ("examples", "train/auxdrive_train/tasks")
"""Folders with configs to which pages link."""
PACKAGES = ("auxdrive", "auxdrive_train", "auxdrive_deploy", "auxdrive_eval")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what does not lie in `docs`."""
    configs = [file for folder in CONFIGS for file in sorted((ROOT / folder).glob("*.yaml"))]
    for source in [*OF_ROOT, *(file.relative_to(ROOT).as_posix() for file in configs)]:
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
    for source, place in OF_ROOT.items():
        markdown = markdown.replace(f"](../{source}", f"]({place}")
    return re.sub(r"\]\(\.\./", "](", markdown)
