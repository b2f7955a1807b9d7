"""Settings from anybody: what YAML can do beyond a few plain values ends in a ConfigError that says
where, in no time and memory.
"""

from __future__ import annotations

import os
import string
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from auxdrive.errors import ConfigError
from auxdrive.strict_yaml import MAX_YAML_BYTES, dump_yaml, parse_yaml, read_yaml
from auxdrive_train.engine.config_files import dump_config, load_config, parse_config
from hypothesis import given
from hypothesis import strategies as st

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join(['*a' + str(n - 1)] * 9)}]\n" for n in range(1, 9)
)

HOSTILE: dict[str, tuple[str, str]] = {
    "a bomb of aliases": (BOMB + "aux: *a8\n", "anchors and aliases"),
    "an alias of a mapping": ("options: &o {a: 1}\nbalance: *o\n", "anchors and aliases"),
    "a value in itself": ("options: &o [*o]\n", "anchors and aliases"),
    "depth": ("[" * 5000 + "]" * 5000, "nested too deeply"),
    "depth in blocks": ("".join(" " * n + "a:\n" for n in range(100)), "nested too deeply"),
    "digits": (f"seed: {'9' * 5000}\n", "larger than any setting"),
    "an integer of 20 digits": (f"epochs: {10**20}\n", "larger than any setting"),
    "hexadecimal digits": (f"seed: 0x{'f' * 5000}\n", "larger than any setting"),
    "an octal number": ("seed: 017\n", "octal or sexagesimal"),
    "a sexagesimal number": ("epochs: 1:30\n", "octal or sexagesimal"),
    "a sexagesimal fraction": ("lr: 0:30.5\n", "octal or sexagesimal"),
    "a merge": ("<<: {seed: 3}\nseed: 4\n", "merges"),
    "an overflowing number": ("lr: 1.0e+999\n", "no finite number"),
    "infinity": ("options: {x: .inf}\n", "no finite number"),
    "half a character": ('method: "\\ud800"\n', "lone surrogate"),
    "half a character in a key": ('"\\udfff": 1\n', "lone surrogate"),
    "a set": ("options: !!set {a, b}\n", "no YAML of a config"),
    "a tag": ("method: !!python/object/apply:os.system [ls]\n", "no YAML of a config"),
    "binary": ("options: {x: !!binary /w==}\n", "no YAML of a config"),
    "a key twice": ("seed: 1\nseed: 2\n", "stands there twice"),
    "two documents": ("seed: 1\n---\nseed: 2\n", "no YAML of a config"),
    "a list": ("- seed\n", "must hold a mapping"),
    "a control character": ("method: a\x00b\n", "no YAML of a config"),
    "size": ("# " + "x" * MAX_YAML_BYTES, "larger than"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_a_config_error(tmp_path: Path, kind: str) -> None:
    text, why = HOSTILE[kind]
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"settings\.yaml(?s:.*){why}") as refusal:
        read_yaml(file)
    assert len(str(refusal.value)) < 1500


NOT_AS_VALUES = ("a list", "a control character", "two documents", "a key twice", "a merge")


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind not in NOT_AS_VALUES])
def test_a_hostile_value_on_the_command_line_is_one_too(kind: str) -> None:
    text, _ = HOSTILE[kind]
    value = text if text.startswith(("[", "#")) else text.split(": ", 1)[-1].strip()
    with suppress(ConfigError):
        parse_yaml(value, "--set x=")
    with pytest.raises(ConfigError):
        load_config(None, {"data": "."}, [f"options={value}"])


def test_settings_nested_by_their_path_are_refused() -> None:
    with pytest.raises(ConfigError, match="nested too deeply"):
        load_config(None, {"data": "."}, [f"options.{'.'.join('x' * 3000)}=1"])


def test_a_name_that_cannot_be_stored_is_refused() -> None:
    with pytest.raises(ConfigError, match="no UTF-8"):
        load_config(None, {"data": "drive\udcff"}, [])


def test_a_truth_value_is_no_number() -> None:
    with pytest.raises(ConfigError) as refusal:
        load_config(None, {"data": "."}, ["seed=true", "augment.speed_noise=no"])
    assert "seed: true is a truth value; give a number" in str(refusal.value)
    assert "augment.speed_noise: false is a truth value; give a number" in str(refusal.value)


def test_of_many_mistakes_the_first_are_told() -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_config({"data": ".", **{f"unknown{n}": 1 for n in range(5000)}, "k" * 100_000: 1})
    assert len(str(refusal.value).splitlines()) < 60


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "settings.yaml")
    with pytest.raises(ConfigError, match=r"settings\.yaml: is a"):
        load_config(tmp_path / "settings.yaml", {}, [])


def test_other_encodings_are_named(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_bytes("method: zür".encode("latin1"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_yaml(tmp_path / "settings.yaml")
    (tmp_path / "settings.yaml").write_bytes("\ufeffseed: 1".encode())  # Notepad's
    assert read_yaml(tmp_path / "settings.yaml") == {"seed": 1}


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(string.ascii_letters, min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(string.ascii_letters, min_size=1), PLAIN, max_size=4))
def test_what_is_written_is_read_back(values: dict[str, object]) -> None:
    assert parse_yaml(dump_yaml(values), "here") == values


@given(
    st.text(max_size=60)
    | st.text(alphabet="&*[]{}:,-!<>|'\"\n ~?#%@`.0123456789xeEinfa_", max_size=60)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ConfigError):
        parse_yaml(text, "here")


def test_a_value_that_stands_in_two_places_is_written_twice(tmp_path: Path) -> None:
    same = [1, 2]
    assert parse_yaml(dump_yaml({"a": same, "b": same}), "here") == {"a": same, "b": same}
    config = load_config(None, {"data": "."}, [])
    (tmp_path / "config.yaml").write_text(dump_config(config))
    assert load_config(tmp_path / "config.yaml", {}, []) == config
