"""A folder belongs to the settings under which it was begun, and to one process at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from auxdrive.errors import DataError, UsageError
from auxdrive.storage.claims import FolderKind, changed, claim, refuse_differences
from auxdrive.strict import read_object

pytest.importorskip("filelock")

Named = dict[str, Any]


def differences(before: Named, now: Named) -> list[str]:
    names = sorted({*before, *now} - {"threads"})
    return [
        changed(name, before.get(name), now.get(name))
        for name in names
        if before.get(name) != now.get(name)
    ]


KIND: FolderKind[Named] = FolderKind("a thing", "thing.json", read_object, differences)


def begun(folder: Path, settings: Named) -> None:
    with claim(folder, settings, KIND) as earlier:
        assert earlier is None
        (folder / "thing.json").write_text(json.dumps(settings))


def test_a_new_folder_is_begun_and_gone_on_with(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    begun(out, {"lr": 1, "threads": 1})
    for resume in (True, None):
        with claim(out, {"lr": 1, "threads": 2}, KIND, resume) as earlier:
            assert earlier == {"lr": 1, "threads": 1}
    with (
        pytest.raises(UsageError, match="holds a thing already; go on with --resume"),
        claim(out, {"lr": 1}, KIND, resume=False),
    ):
        pass


def test_other_settings_are_refused_with_what_differs(tmp_path: Path) -> None:
    begun(tmp_path, {"lr": 1, "seed": 0, "aux": "x" * 200})
    with (
        pytest.raises(UsageError, match=r"aux was x{77}\.\.\. and is not set; lr was 1 and is 2\."),
        claim(tmp_path, {"lr": 2, "seed": 0}, KIND, resume=True),
    ):
        pass
    with claim(tmp_path, None, KIND) as earlier:  # settings that are known only later
        assert earlier is not None
        found = KIND.differences(earlier, {**earlier, "seed": 1})
    with pytest.raises(UsageError, match="other settings: seed was 0 and is 1"):
        refuse_differences(tmp_path, found)


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "not set"), (True, "true"), ("", "empty"), (0.5, "0.5"), ([64, 80], "[64, 80]")],
)
def test_values_are_told_in_words(value: object, words: str) -> None:
    assert changed("aux", "rgb", value) == f"aux was rgb and is {words}"


@pytest.mark.skipif(os.name != "posix", reason="ends a process in the middle of its write")
def test_the_half_written_file_of_a_killed_process_is_gone(tmp_path: Path) -> None:
    begun(tmp_path, {"lr": 1})
    kill = (
        "import os, signal, sys; from pathlib import Path\n"
        "from auxdrive.storage.publish import published_file\n"
        "with published_file(Path(sys.argv[1])) as half:\n"
        "    half.write_bytes(b'{'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", kill, str(tmp_path / "thing.json")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".partial-thing.json-*"))) == 1
    with claim(tmp_path, {"lr": 1}, KIND) as earlier:
        assert earlier == {"lr": 1}
        assert not list(tmp_path.glob(".partial-*"))


def test_where_nothing_would_be_lost_the_folder_is_taken_over(tmp_path: Path) -> None:
    begun(tmp_path, {"lr": 1})
    empty = replace(KIND, has_work=lambda folder: (folder / "work").exists())
    with claim(tmp_path, {"lr": 2}, empty, resume=False) as earlier:
        assert earlier is None
    (tmp_path / "work").touch()
    with (
        pytest.raises(UsageError, match="holds a thing already"),
        claim(tmp_path, {"lr": 2}, empty, resume=False),
    ):
        pass


def test_what_is_not_there_cannot_be_gone_on_with(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (
        pytest.raises(UsageError, match="leave --resume out to begin a thing there"),
        claim(out, {}, KIND, resume=True),
    ):
        pass
    assert not out.exists()


def test_something_else_damage_and_a_second_process_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with (
        pytest.raises(UsageError, match="is not empty and holds something else"),
        claim(tmp_path / "other", {}, KIND),
    ):
        pass
    assert [entry.name for entry in (tmp_path / "other").iterdir()] == ["thesis.tex"]
    out = tmp_path / "out"
    begun(out, {})
    with (
        claim(out, {}, KIND),
        pytest.raises(UsageError, match="another process"),
        claim(out, {}, KIND),
    ):
        pass
    (out / "thing.json").write_text("{")
    with pytest.raises(DataError, match="no valid JSON"), claim(out, {}, KIND):
        pass
