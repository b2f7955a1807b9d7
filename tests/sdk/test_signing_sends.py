"""What signing and checking signatures sends: nothing, but to Sigstore where that is asked for."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from auxdrive import Predictor, SignaturePolicy, make_signing_key, sign_bundle
from auxdrive.errors import BundleError, UsageError
from clean_environment import without_ci

pytest.importorskip("model_signing", reason="the extra 'sign' is not installed")

import sigstore

WATCHED = """
import sys, threading
def refuse(event, words):
    if event.startswith(("socket.connect", "socket.get", "socket.send")):
        raise SystemExit(f"{event}: {words}")
sys.addaudithook(refuse)  # also sees what is imported before and asks under another name
from auxdrive import Predictor, make_signing_key, sign_bundle
public = make_signing_key("key.pem")
signature = sign_bundle(sys.argv[1], "key.pem", out="bundle.sig")
from auxdrive import SignaturePolicy
policy = SignaturePolicy(public_key=public, signature=signature)
Predictor.load(sys.argv[1], require_signature=policy, warm_up=False).close()
assert threading.active_count() == 1, threading.enumerate()
"""


def test_with_a_key_nothing_is_sent(waypoint_bundle: Path, tmp_path: Path) -> None:
    """No name is looked up and nothing is connected to. (urllib3, which the library imports, binds
    a socket to ::1 to see whether there is IPv6, and closes it.)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WATCHED, str(waypoint_bundle)],
        capture_output=True, text=True, cwd=tmp_path, env=without_ci(tmp_path), timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert sorted(file.name for file in tmp_path.rglob("*")) == [
        "bundle.sig", "key.pem", "key.pub.pem",
    ]  # fmt: skip


def of_sigstore(bundle: Path, folder: Path) -> Path:
    """A signature as Sigstore makes them, of the right files, by a certificate that is none."""
    make_signing_key(folder / "any.pem")
    document = json.loads(
        sign_bundle(bundle, folder / "any.pem", out=folder / "sigstore.sig").read_bytes()
    )
    document["verificationMaterial"] = {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": []}
    (folder / "sigstore.sig").write_text(json.dumps(document))
    return folder / "sigstore.sig"


NO_NETWORK = """
import socket, sys
asked = []
def unreachable(*words, **more):
    asked.append(words)
    raise OSError(101, "Network is unreachable")
socket.create_connection = socket.getaddrinfo = unreachable
import urllib3.util.connection as connection
connection.allowed_gai_family = lambda: socket.AF_INET
from auxdrive.cli import main
try:
    main()
finally:
    print(f"asked {len(asked) > 0}", file=sys.stderr)
"""


@pytest.mark.parametrize("command", ["sign", "verify"])
def test_sigstore_without_a_network_is_refused(
    steering_bundle: Path, tmp_path: Path, command: str
) -> None:
    """Signing was not run against the real Sigstore: there is none here."""
    signature = of_sigstore(steering_bundle, tmp_path)
    words = {
        "sign": ["--sigstore", "--out", tmp_path / "x.sig"],
        "verify": [
            "--identity", "a@b.example", "--issuer", "https://c.example", "--signature", signature,
        ],
    }[command]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", NO_NETWORK, command, str(steering_bundle), *map(str, words)],
        capture_output=True, text=True, env=without_ci(tmp_path), timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Sigstore cannot be used here" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert "asked True" in done.stderr
    assert not (tmp_path / "x.sig").exists()


def test_with_a_trust_configuration_sigstores_check_needs_no_network(
    steering_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The root is the real one, which the library brings; the signature is none of Sigstore's."""

    def refuse(*words: Any, **more: Any) -> None:
        raise AssertionError(f"a name was looked up: {words}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    signature = of_sigstore(steering_bundle, tmp_path)
    who = {"identity": "a@b.example", "issuer": "https://c.example", "signature": signature}
    store = Path(sigstore.__file__).parent / "_store"
    folder = next(each for each in store.iterdir() if each.name.endswith("sigstore.dev"))
    trust = tmp_path / "trust.json"
    trust.write_text(
        json.dumps(
            {
                "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
                "trustedRoot": json.loads((folder / "trusted_root.json").read_text()),
                "signingConfig": json.loads((folder / "signing_config.v0.2.json").read_text()),
            }
        )
    )
    policy = SignaturePolicy(**who, trust_config=trust)
    with pytest.raises(BundleError, match=r"does not hold .*made by a@b\.example of https://c"):
        Predictor.load(steering_bundle, require_signature=policy)
    made = signature.read_bytes()
    shutil.copy(sign_bundle(steering_bundle, tmp_path / "any.pem", tmp_path / "k.sig"), signature)
    with pytest.raises(BundleError, match="was not made by Sigstore"):
        Predictor.load(steering_bundle, require_signature=policy)
    signature.write_bytes(made)
    for text in ("", "{}", "[1]", "{"):
        trust.write_text(text)
        with pytest.raises(UsageError, match="Sigstore cannot be used here"):
            Predictor.load(steering_bundle, require_signature=policy)
