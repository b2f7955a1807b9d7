"""Signatures that nobody vouches for: whatever the file holds, it is refused at once with an error
that names it, and nothing of it is believed.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auxdrive import Predictor, make_signing_key, sign_bundle, verify_bundle
from auxdrive.bundles import Bundle
from auxdrive.commands.verify import verify
from auxdrive.errors import BundleError, CheckFailed
from auxdrive.inspection.bundles_and_runs import summarise_bundle
from auxdrive.signatures.check import who_signed
from auxdrive.signatures.files import MAX_SIGNATURE_BYTES, read_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("model_signing", reason="the extra 'sign' is not installed")

Document = dict[str, Any]


@pytest.fixture(scope="module")
def signed(steering_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("signed")
    bundle = Path(shutil.copytree(steering_bundle, home / "bundle"))
    make_signing_key(home / "key.pem")
    sign_bundle(bundle, home / "key.pem", out=home / "genuine.sig")
    return bundle


@pytest.fixture(scope="module")
def genuine(signed: Path) -> bytes:
    return signed.with_name("genuine.sig").read_bytes()


def refused(signed: Path, data: bytes) -> str:
    """The message for a bundle with that signature beside it."""
    signed.with_name("bundle.sig").write_bytes(data)
    public = signed.with_name("key.pub.pem")
    with pytest.raises(BundleError) as found:
        Predictor.load(signed, require_signature=public)
    assert str(found.value).startswith(f"{signed}.sig")
    assert len(str(found.value)) < 3000
    return str(found.value)


def edited(genuine: bytes, change: Callable[[Document], object]) -> bytes:
    document = json.loads(genuine)
    change(document)
    return json.dumps(document).encode()


def with_payload(genuine: bytes, change: Callable[[Document], object]) -> bytes:
    def put(document: Document) -> None:
        envelope = document["dsseEnvelope"]
        statement = json.loads(base64.b64decode(envelope["payload"]))
        change(statement)
        envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()

    return edited(genuine, put)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"[]", b"null", b"{}", b"-----BEGIN PGP SIGNATURE-----", b"\xff\xfe{}",
        b'{"a": 1, "a": 2}', b"[" * 100_000, b'{"a":' * 1000,
        b'{"mediaType": ' + b"9" * 5000 + b"}",
        b'{"verificationMaterial": NaN}', b'{"verificationMaterial": []}',
        b'{"verificationMaterial": {"publicKey": {}}}', b'{"mediaType": "\\ud800"}',
        b'{"mediaType": "' + b"x" * 500_000 + b'"}', b" " * (MAX_SIGNATURE_BYTES + 1),
        b'{"verificationMaterial": {"certificate": {"rawBytes": "AAAA"}}}', b'{"dsseEnvelope": []}',
    ],
    ids=range(19),
)  # fmt: skip
def test_what_is_no_signature(signed: Path, data: bytes) -> None:
    refused(signed, data)
    assert not verify_bundle(signed, signature=signed.with_name("key.pub.pem")).passed
    with pytest.raises(CheckFailed, match="signature"):
        verify(signed, key=signed.with_name("key.pub.pem"))  # exit code 1, as of other findings


def test_every_way_of_cutting_it_off(signed: Path, genuine: bytes) -> None:
    for length in range(0, len(genuine), 97):
        refused(signed, genuine[:length])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["dsseEnvelope"]["signatures"].clear(), "signatures"),
        (lambda d: d["dsseEnvelope"]["signatures"].append(d["dsseEnvelope"]["signatures"][0]),
         "signatures"),
        (lambda d: d["dsseEnvelope"]["signatures"][0].update(sig="AAAA"), "does not hold"),
        (lambda d: d["dsseEnvelope"]["signatures"][0].update(sig="AAAAA"), "does not hold"),
        (lambda d: d["dsseEnvelope"]["signatures"][0].update(sig=3), "sig"),
        (lambda d: d["dsseEnvelope"].update(payloadType="text/plain"), "payloadType"),
        (lambda d: d["dsseEnvelope"].update(payload="AAAAA"), "no base64"),
        (lambda d: d["dsseEnvelope"].update(payload=base64.b64encode(b"[" * 90_000).decode()),
         "payload"),
        (lambda d: d.update(mediaType="application/vnd.dev.sigstore.bundle.v0.1+json"),
         "mediaType"),
        (lambda d: d["verificationMaterial"]["publicKey"].pop("hint"), "hint"),
        (lambda d: d["verificationMaterial"]["publicKey"].update(hint=None), "hint"),
        (lambda d: d["verificationMaterial"]["publicKey"].update(hint="0" * 64), "another key"),
        (lambda d: d["verificationMaterial"].update(tlogEntries=[{}]), "tlogEntries"),
        (lambda d: d.update(more={}), "more"),
    ],
    ids=range(14),
)  # fmt: skip
def test_wrong_parts(
    signed: Path, genuine: bytes, change: Callable[[Document], object], said: str
) -> None:
    assert said in refused(signed, edited(genuine, change))


def test_a_changed_statement_does_not_hold(signed: Path, genuine: bytes) -> None:
    """What the statement says is compared first, and believed only if the key signed it."""

    def renamed(statement: Document) -> None:
        statement["subject"][0]["name"] = "another"

    assert "does not hold" in refused(signed, with_payload(genuine, renamed))
    ignoring = with_payload(
        genuine, lambda s: s["predicate"]["serialization"].update(ignore_paths=["model.onnx"])
    )
    assert "does not hold" in refused(signed, ignoring)
    fewer = with_payload(genuine, lambda s: s["predicate"]["resources"].pop())
    assert "not signed: " in refused(signed, fewer)
    twice = with_payload(
        genuine, lambda s: s["predicate"]["resources"].append(s["predicate"]["resources"][0])
    )
    assert "names a file twice" in refused(signed, twice)
    older = with_payload(
        genuine, lambda s: s.update(predicateType="https://model_signing/Digests/v0.1")
    )
    assert "predicateType" in refused(signed, older)


def test_a_key_that_signs_less_signs_nothing(signed: Path, genuine: bytes, tmp_path: Path) -> None:
    """Even the right key cannot leave out files: a signature must name every one of them."""
    from auxdrive.signatures import library

    opened = Bundle.open(signed)
    hashes = opened.sha256_of_all
    key = signed.with_name("key.pem")
    for name in ("model.onnx", "card.json"):
        fewer = {other: sha for other, sha in hashes.items() if other != name}
        assert f"not signed: {name}" in refused(signed, library.sign_by_key("x", fewer, key))
    more = {**hashes, "../evil\x1b[31m": "0" * 64}
    assert "missing: ../evil" in refused(signed, library.sign_by_key("x", more, key))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_changed_bytes(signed: Path, genuine: bytes, data: st.DataObject) -> None:
    """A changed byte never passes, except where it says the same: in the letters of base64 that
    stand for no bit, and in JSON's spaces.
    """
    place = data.draw(st.integers(0, len(genuine) - 1))
    value = data.draw(st.integers(0, 255))
    changed = genuine[:place] + bytes([value]) + genuine[place + 1 :]
    path = signed.with_name("bundle.sig")
    path.write_bytes(changed)
    try:
        Predictor.load(
            signed, require_signature=signed.with_name("key.pub.pem"), warm_up=False
        ).close()
    except BundleError:
        return
    before, now = read_signature(genuine, "a"), read_signature(changed, "b")
    for part in ("payload", "payloadType"):
        assert base64.b64decode(getattr(now.dsseEnvelope, part) + "==") == base64.b64decode(
            getattr(before.dsseEnvelope, part) + "=="
        )


def test_inspect_shows_and_believes_nothing(signed: Path, genuine: bytes) -> None:
    path = signed.with_name("bundle.sig")
    path.write_bytes(genuine)
    link = summarise_bundle(signed)["provenance"][-1]
    assert link["link"] == "signature"
    assert "not proved" in link["what"]
    assert link["sha256"] == read_signature(genuine, "").key_id
    path.write_bytes(genuine[:-40])
    summary = summarise_bundle(signed)
    assert summary["provenance"][-1]["what"] == "broken"
    assert any("bundle.sig" in each for each in summary["broken"])
    path.write_bytes(with_payload(genuine, lambda s: s["predicate"]["resources"].pop()))
    with pytest.raises(BundleError, match="of other files"):
        who_signed(signed, Bundle.open(signed).sha256_of_all)
    path.unlink()
    assert summarise_bundle(signed)["provenance"][-1]["what"].startswith("not signed")
    path.symlink_to("nowhere")
    assert summarise_bundle(signed)["broken"]
    path.unlink()
