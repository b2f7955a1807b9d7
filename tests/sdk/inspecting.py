"""`auxdrive inspect` as its tests call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from auxdrive.cli import build_app
from auxdrive.errors import CheckFailed
from typer.testing import CliRunner


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(build_app(), ["inspect", *arguments])


def summary_of(path: Path) -> dict[str, Any]:
    """The summary; the exit code is 1 exactly where it lists something that is broken."""
    result = invoke(str(path), "--json")
    document: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (1 if document["broken"] else 0), result.output
    assert isinstance(result.exception, CheckFailed) == bool(document["broken"])
    return document
