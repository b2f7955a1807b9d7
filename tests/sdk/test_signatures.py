"""Signatures of bundles: whoever signed is told from everybody else, whatever happens to the files
on the way, and what was checked is what is loaded.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bundle_factory
import pytest
from auxdrive import (
    Bundle,
    Predictor,
    SignaturePolicy,
    loading,
    make_signing_key,
    sign_bundle,
    verify_bundle,
)
from auxdrive.bundles import bundle as reading
from auxdrive.bundles import files
from auxdrive.errors import BundleError, MissingExtra, UsageError
from auxdrive.signatures.files import signature_path

pytest.importorskip("model_signing", reason="the extra 'sign' is not installed")

from auxdrive.signatures import library
from model_signing import signing, verifying


def rewritten(bundle: Path, name: str, data: bytes) -> None:
    """Replace a file and its SHA-256 in the card, as somebody would who wants to pass."""
    (bundle / name).write_bytes(data)
    card = json.loads((bundle / "card.json").read_text())
    card["files"][name] = hashlib.sha256(data).hexdigest()
    (bundle / "card.json").write_text(json.dumps(card, indent=2))


def test_signing_changes_no_file_and_the_signature_holds(
    steering_bundle: Path, signed: Path, public_pem: Path
) -> None:
    before = {each.name: each.read_bytes() for each in steering_bundle.rglob("*") if each.is_file()}
    after = {each.name: each.read_bytes() for each in signed.rglob("*") if each.is_file()}
    assert before == after
    assert signature_path(signed) == signed.with_name("bundle.sig")
    Predictor.load(signed, require_signature=public_pem, warm_up=False).close()
    Predictor.load(Bundle.open(signed), require_signature=str(public_pem), warm_up=False).close()
    report = verify_bundle(signed, signature=public_pem)
    assert report.passed
    assert report.signed_by is not None
    assert report.signed_by in report.proves
    assert "signature" in [check.name for check in report.checks]


def test_the_library_itself_reads_our_signatures_and_we_read_its(
    signed: Path, private_pem: Path, public_pem: Path
) -> None:
    """The library's own reading of the folder is the second opinion: the hashes that we hand to it
    are those that it would compute.
    """
    config = verifying.Config().use_elliptic_key_verifier(public_key=public_pem)
    config.verify(signed, signed.with_name("bundle.sig"))
    theirs = signed.with_name("theirs.sig")
    signing.Config().use_elliptic_key_signer(private_key=private_pem).sign(signed, theirs)
    policy = SignaturePolicy(public_key=public_pem, signature=theirs)
    assert verify_bundle(signed, signature=policy).passed


@pytest.mark.parametrize("name", ["README.md", "model.onnx", "reference/outputs.npy"])
def test_a_changed_file_with_its_hash_in_the_card_does_not_pass(
    signed: Path, public_pem: Path, name: str
) -> None:
    rewritten(signed, name, (signed / name).read_bytes() + b"\n")
    Bundle.open(signed)  # consistent with itself
    with pytest.raises(BundleError, match=r"other files .*changed: "):
        Predictor.load(signed, require_signature=public_pem)
    report = verify_bundle(signed, signature=public_pem)
    assert not report.passed
    assert report.signed_by is None


def test_added_and_removed_files_do_not_pass(signed: Path, public_pem: Path) -> None:
    rewritten(signed, "more.txt", b"more")
    with pytest.raises(BundleError, match=r"not signed: more\.txt"):
        Predictor.load(signed, require_signature=public_pem)
    (signed / "more.txt").unlink()
    with pytest.raises(BundleError, match=r"missing 'more\.txt'"):
        Predictor.load(signed, require_signature=public_pem)


def test_another_key_and_another_bundle(
    signed: Path, waypoint_bundle: Path, private_pem: Path, public_pem: Path, tmp_path: Path
) -> None:
    other = make_signing_key(tmp_path / "other.pem")
    with pytest.raises(
        BundleError, match=r"made by another key: by [0-9a-f]{64}, and .*other\.pub"
    ):
        Predictor.load(signed, require_signature=other)
    elsewhere = sign_bundle(waypoint_bundle, private_pem, out=tmp_path / "waypoints.sig")
    shutil.copy(elsewhere, signed.with_name("bundle.sig"))
    with pytest.raises(BundleError, match="is the signature of other files"):
        Predictor.load(signed, require_signature=public_pem)


def test_an_unsigned_bundle(
    steering_bundle: Path, copy_of: Callable[[Path], Path], public_pem: Path
) -> None:
    bundle = copy_of(steering_bundle)
    with pytest.raises(BundleError, match=r"copy\.sig: there is no signature"):
        Predictor.load(bundle, require_signature=public_pem)
    assert verify_bundle(bundle).passed


@pytest.mark.parametrize("wanted", ["", False, True, 3, b"key.pem"])
def test_what_is_no_key_never_means_that_none_is_needed(signed: Path, wanted: Any) -> None:
    with pytest.raises(UsageError, match="give the path of a public key"):
        Predictor.load(signed, require_signature=wanted)


def test_a_policy_names_one_signer() -> None:
    for mistake in (
        {}, {"identity": "a@b.example"}, {"issuer": "https://a.example"}, {"signature": "x.sig"},
        {"identity": "", "issuer": ""},
    ):  # fmt: skip
        with pytest.raises(UsageError, match="whose signature"):
            SignaturePolicy(**mistake)
    with pytest.raises(UsageError, match="one of the two"):
        SignaturePolicy(public_key="a.pem", identity="a@b.example", issuer="https://a.example")


def test_nothing_is_read_again_between_the_check_and_the_load(
    signed: Path, steering_bundle: Path, public_pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who exchanges files at any moment between two steps gains nothing: either the signed
    graph is loaded or none. The moments are those at which a file of the bundle is opened.
    """
    evil = signed.with_name("evil")
    bundle_factory.write_bundle(evil, graph=bundle_factory.model(5))
    good = {name: (signed / name).read_bytes() for name in ("card.json", "model.onnx")}
    bad = {name: (evil / name).read_bytes() for name in ("card.json", "model.onnx")}
    loaded: list[bytes] = []
    real_open, real_read = loading.open_session, files.read_file
    monkeypatch.setattr(
        loading, "open_session",
        lambda name, model, *rest: (loaded.append(model), real_open(name, model, *rest))[1],
    )  # fmt: skip

    def put(content: dict[str, bytes]) -> None:
        for name, data in content.items():
            (signed / name).write_bytes(data)

    def exchanging(moment: int, then: dict[str, bytes], moments: list[str]) -> Any:
        """A reader of files before whose `moment`-th call the files are exchanged."""

        def read(root: Path, name: str, limit: int) -> bytes:
            if len(moments) == moment:
                put(then)
            moments.append(name)
            return real_read(root, name, limit)

        return read

    longest = 0
    for moment in range(20):
        for at_first, then in ((bad, good), (good, bad)):
            put(at_first)
            moments: list[str] = []
            read = exchanging(moment, then, moments)
            monkeypatch.setattr(files, "read_file", read)
            monkeypatch.setattr(reading, "read_file", read)
            loaded.clear()
            try:
                Predictor.load(signed, require_signature=public_pem, warm_up=False).close()
            except BundleError:
                assert loaded == []
            assert all(model == good["model.onnx"] for model in loaded)
            longest = max(longest, len(moments))
    assert 8 <= longest < 20  # the last moment lies after all reading

    monkeypatch.setattr(files, "read_file", real_read)
    monkeypatch.setattr(reading, "read_file", real_read)
    put(good)
    check = library.check_by_key

    def and_then_exchanged(*words: Any) -> None:
        check(*words)
        put(bad)

    monkeypatch.setattr(library, "check_by_key", and_then_exchanged)
    loaded.clear()
    with pytest.raises(BundleError, match=r"model\.onnx: its SHA-256 is not the one in card"):
        Predictor.load(signed, require_signature=public_pem, warm_up=False)
    assert loaded == []


def test_a_bundle_that_was_zipped_and_moved_keeps_its_signature(
    signed: Path, public_pem: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        for file in (*sorted(signed.rglob("*")), signed.with_name("bundle.sig")):
            archive.write(file, file.relative_to(signed.parent))
    with zipfile.ZipFile(tmp_path / "both.zip") as archive:
        archive.extractall(tmp_path / "elsewhere")
    moved = tmp_path / "elsewhere" / "bundle"
    (moved / ".DS_Store").write_bytes(b"left by a desktop")  # passed over, and never read
    assert verify_bundle(moved, signature=public_pem).passed
    renamed = moved.rename(moved.with_name("student-3"))
    policy = SignaturePolicy(public_key=public_pem, signature=moved.with_name("bundle.sig"))
    assert verify_bundle(renamed, signature=policy).passed
    (renamed / "README.md").write_bytes(
        (renamed / "README.md").read_bytes().replace(b"\n", b"\r\n") + b"\r\n"
    )
    assert not verify_bundle(renamed, signature=policy).passed


def test_without_the_extra_the_error_says_how_to_get_it(
    signed: Path, public_pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("model_signing")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "auxdrive.signatures.library", raising=False)
    import auxdrive.signatures as package

    monkeypatch.delattr(package, "library", raising=False)
    monkeypatch.setitem(sys.modules, "model_signing", None)
    for attempt in (
        lambda: Predictor.load(signed, require_signature=public_pem),
        lambda: verify_bundle(signed, signature=public_pem),
        lambda: sign_bundle(signed, public_pem, out="x.sig"),
        lambda: make_signing_key("never.pem"),
    ):
        with pytest.raises(MissingExtra, match=r"pip install 'auxdrive\[sign\]'"):
            attempt()
    assert verify_bundle(signed).passed  # asked for nothing, it needs nothing
