"""Bundles on their way to a vehicle: what others leave in the folder, what copying does to files,
and whose bundle it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from auxdrive.bundles import Bundle, sha256_of_files
from auxdrive.errors import BundleError, UsageError
from auxdrive.inspection.bundles_and_runs import summarise_bundle
from auxdrive.predictor import Predictor

Copy = Callable[[Path], Path]


@pytest.mark.parametrize(
    "name",
    [".DS_Store", "reference/.DS_Store", "Thumbs.db", "desktop.ini", "Desktop.ini",
     "._model.onnx", "reference/._images.npy", ".nfs00a1", ".gitattributes", "reference/.gitignore",
     ".git/objects/pack", "__MACOSX/._card.json", ".cache/huggingface/x.lock",
     "bench/a-processor.json"],
)  # fmt: skip
def test_what_others_leave_is_passed_over(steering_bundle: Path, copy_of: Copy, name: str) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(bundle / name)  # whoever opened it would hang
    opened = Bundle.open(bundle)
    assert opened.passed_over == (
        name if name.count("/") == 0 or name.startswith("reference") else name.split("/")[0],
    )
    assert sha256_of_files(bundle) == opened.card.files
    card = json.loads((bundle / "card.json").read_text())
    card["files"][name] = "0" * 64
    (bundle / "card.json").write_text(json.dumps(card))
    with pytest.raises(BundleError, match="passed over"):
        Bundle.open(bundle)


@pytest.mark.parametrize("name", ["git", "DS_Store", "my.git", ".hidden", "a._b", "cache",
                                  "benches"])  # fmt: skip
def test_what_only_looks_like_it_is_extra(steering_bundle: Path, copy_of: Copy, name: str) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / name).write_text("x")
    with pytest.raises(BundleError, match="not named in"):
        Bundle.open(bundle)


def crlf(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


def pointer(data: bytes) -> bytes:
    return (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{hashlib.sha256(data).hexdigest()}\nsize {len(data)}\n"
    ).encode()


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("README.md", crlf, r"README\.md: its line ends were turned to CRLF.*\.gitattributes"),
        ("reference/images.npy", crlf, r"images\.npy: its line ends were turned to CRLF"),
        (
            "README.md",
            lambda data: b"\xef\xbb\xbf" + data,
            r"README\.md: begins with a byte-order mark",
        ),
        ("model.onnx", pointer, r"model\.onnx: is a Git LFS pointer.*git lfs pull"),
        ("reference/outputs.npy", pointer, r"outputs\.npy: is a Git LFS pointer.*git lfs pull"),
        ("card.json", pointer, r"card\.json: is a Git LFS pointer.*git lfs pull"),
        ("reference/ego.npy", lambda data: b"", r"ego\.npy: is empty: .* cut off"),
        (
            "card.json",
            lambda data: b"\xef\xbb\xbf" + data,
            r"card\.json: begins with a byte-order mark.*without BOM",
        ),
        (
            "card.json",
            lambda data: data.decode().encode("utf-16"),
            r"card\.json: begins with a byte-order mark",
        ),
    ],
)
def test_damage_on_the_way_is_named_with_its_cure(
    steering_bundle: Path, copy_of: Copy, name: str, damage: Callable[[bytes], bytes], message: str
) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / name).write_bytes(damage((bundle / name).read_bytes()))
    with pytest.raises(BundleError, match=message):
        Bundle.open(bundle)
    if name != "card.json":
        assert re.search(message, summarise_bundle(bundle)["broken"][0])


def test_a_card_with_crlf_is_still_the_card_but_not_the_expected_one(
    steering_bundle: Path, copy_of: Copy
) -> None:
    expected = Bundle.open(steering_bundle).card_sha256
    bundle = copy_of(steering_bundle)
    (bundle / "card.json").write_bytes(crlf((bundle / "card.json").read_bytes()))
    assert Bundle.open(bundle).card == Bundle.open(steering_bundle).card
    with pytest.raises(BundleError, match=r"card\.json: its line ends were turned to CRLF"):
        Bundle.open(bundle, expected)


def test_a_cache_of_links_as_download_tools_keep_them(steering_bundle: Path, copy_of: Copy) -> None:
    """The Hugging Face hub's layout: blobs named by their hash, and snapshots that hold nothing but
    links to them.
    """
    bundle = copy_of(steering_bundle)
    blobs = bundle.parent / "blobs"
    blobs.mkdir()
    for file in [file for file in bundle.rglob("*") if file.is_file()]:
        blob = blobs / hashlib.sha256(file.read_bytes()).hexdigest()
        file.rename(blob)
        file.symlink_to(blob)
    with pytest.raises(BundleError, match=r"card\.json: a symbolic link.*Hugging Face.*cp -rL"):
        Bundle.open(bundle)
    told = summarise_bundle(bundle)
    assert {*told["files"]} == {*told["card"]["files"], "card.json"}
    assert all("cp -rL" in state for state in told["files"].values())
    (bundle.parent / "whole").symlink_to(
        steering_bundle
    )  # one link to a whole bundle is its path, and no part of it
    assert Bundle.open(bundle.parent / "whole").card.name == "test-steering"


def test_inspect_follows_no_link_to_a_folder_either(steering_bundle: Path, copy_of: Copy) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / "reference").rename(bundle.parent / "elsewhere")
    (bundle / "reference").symlink_to(bundle.parent / "elsewhere")
    files = summarise_bundle(bundle)["files"]
    assert {name for name, state in files.items() if state != "ok"} == {
        "reference",
        *(name for name in files if "/" in name),
    }
    assert "cp -rL" in files["reference/ego.npy"]
    assert "cp -rL" in files["reference"]


def test_a_bundle_can_be_held_to_one_card(steering_bundle: Path, copy_of: Copy) -> None:
    right = hashlib.sha256((steering_bundle / "card.json").read_bytes()).hexdigest()
    assert Bundle.open(steering_bundle).card_sha256 == right
    assert Bundle.open(steering_bundle, right.upper()).card_sha256 == right
    with pytest.raises(BundleError, match=f"another bundle than expected.*{right}, not {'0' * 64}"):
        Bundle.open(steering_bundle, "0" * 64)
    for malformed in (
        "",
        "0" * 63,
        "0" * 65,
        "g" * 64,
        "0" * 64 + "\n",
        "sha256:" + "0" * 64,
        b"0" * 64,
        12,
    ):
        with pytest.raises(UsageError, match="no SHA-256"):
            Bundle.open(steering_bundle, malformed)  # type: ignore[arg-type]
    forged = copy_of(steering_bundle)
    (forged / "card.json").write_text("{")  # whatever it is, it is not parsed
    with pytest.raises(BundleError, match="another bundle than expected"):
        Bundle.open(forged, right)


@pytest.mark.parametrize("opened", [False, True])
def test_a_predictor_can_be_held_to_one_card(steering_bundle: Path, opened: bool) -> None:
    bundle = Bundle.open(steering_bundle)
    given: Path | Bundle = bundle if opened else steering_bundle
    Predictor.load(given, threads=1, expect_sha256=bundle.card_sha256).close()
    with pytest.raises(BundleError, match="another bundle"):
        Predictor.load(given, expect_sha256="0" * 64)
    with pytest.raises(UsageError, match="no SHA-256"):
        Predictor.load(given, expect_sha256="0")


def test_what_git_does_on_windows(steering_bundle: Path, copy_of: Copy, tmp_path: Path) -> None:
    """Committed as it is, checked out with core.autocrlf: every file that git takes for text has
    other line ends.
    """
    repository, home = (
        copy_of(steering_bundle),
        {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"},
    )

    def git(*words: str, at: Path) -> None:
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words],
            cwd=at,
            env=home,
            check=True,
            capture_output=True,
        )

    git("init", "--quiet", at=repository)
    git("-c", "core.autocrlf=false", "add", ".", at=repository)
    git("commit", "--quiet", "--message", "bundle", at=repository)
    git(
        "clone",
        "--quiet",
        "--config",
        "core.autocrlf=true",
        str(repository),
        "windows",
        at=tmp_path,
    )
    with pytest.raises(BundleError, match=r"turned to CRLF, as git does on Windows.*\* -text"):
        Bundle.open(tmp_path / "windows")
    (repository / ".gitattributes").write_text("* -text\n")
    git("add", ".gitattributes", at=repository)
    git("commit", "--quiet", "--message", "no line ends here", at=repository)
    git("clone", "--quiet", "--config", "core.autocrlf=true", str(repository), "cured", at=tmp_path)
    assert Bundle.open(tmp_path / "cured").passed_over == (".git", ".gitattributes")


def test_inspect_passes_over_the_same(steering_bundle: Path, copy_of: Copy) -> None:
    bundle = copy_of(steering_bundle)
    for name in (".DS_Store", "reference/._ego.npy", ".git/config"):
        (bundle / name).parent.mkdir(exist_ok=True)
        (bundle / name).write_bytes(b"\0")
    assert summarise_bundle(bundle)["broken"] == []
    (bundle / "notes.txt").write_text("x")
    assert summarise_bundle(bundle)["broken"] == ["notes.txt: extra, not in the card"]
