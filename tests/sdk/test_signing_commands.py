"""The commands that sign and check signatures, and the keys."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auxdrive import Predictor, SignaturePolicy, make_signing_key, sign_bundle, verify_bundle
from auxdrive.commands.sign import sign
from auxdrive.commands.verify import verify
from auxdrive.errors import BundleError, UsageError
from auxdrive.signatures.files import signature_path
from cli_processes import write_frame

pytest.importorskip("model_signing", reason="the extra 'sign' is not installed")


COMMAND = [sys.executable, "-W", "error", "-c", "from auxdrive.cli import main; main()"]


def auxdrive(*words: object, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        capture_output=True, text=True, timeout=60, check=False, **more,
    )  # fmt: skip


def test_a_bundle_that_is_named_by_a_dot(signed: Path, public_pem: Path) -> None:
    done = auxdrive("verify", ".", "--key", public_pem, cwd=signed)
    assert done.returncode == 0, done.stderr
    assert auxdrive("verify", "..", "--key", public_pem, cwd=signed / "reference").returncode == 0


def test_the_commands(
    steering_bundle: Path, copy_of: Callable[[Path], Path], tmp_path: Path
) -> None:
    bundle = copy_of(steering_bundle)
    made = auxdrive("sign", "--make-key", tmp_path / "k.pem", "--json")
    assert json.loads(made.stdout) == {
        "private_key": str(tmp_path / "k.pem"), "public_key": str(tmp_path / "k.pub.pem"),
    }  # fmt: skip
    unsigned = auxdrive("verify", bundle, "--key", tmp_path / "k.pub.pem")
    assert unsigned.returncode == 1
    assert "there is no signature" in " ".join(unsigned.stderr.split())
    assert auxdrive("sign", bundle, "--key", tmp_path / "k.pem").returncode == 0
    shown = auxdrive("verify", bundle, "--key", tmp_path / "k.pub.pem", "--json")
    assert shown.returncode == 0
    assert json.loads(shown.stdout)["signed_by"].startswith("the key ")


@pytest.mark.parametrize("command", ["predict", "run"])
def test_commands_that_predict_hold_a_bundle_to_its_signature(
    command: str, signed: Path, public_pem: Path, tmp_path: Path
) -> None:
    image = write_frame(tmp_path / "frame.png")
    words = {"predict": ["predict", signed, image], "run": ["run", signed, "--camera", image]}
    out = tmp_path / "out.jsonl"
    held = [*words[command], "--out", out, "--key", public_pem]
    assert auxdrive(*held).returncode == 0
    assert out.exists()
    out.unlink()
    make_signing_key(tmp_path / "other.pem")
    other = tmp_path / "other.pub.pem"
    refused_as_by_load(signed, other, [*words[command], "--out", out, "--key", other])
    signature_path(signed).unlink()
    refused_as_by_load(signed, public_pem, held)
    assert not out.exists()
    assert auxdrive(*words[command]).returncode == 0


def refused_as_by_load(bundle: Path, key: Path, command: list[object]) -> None:
    """A command ends with the error that `Predictor.load` raises."""
    with pytest.raises(BundleError) as refusal:
        Predictor.load(bundle, require_signature=key)
    done = auxdrive(*command)
    assert (done.returncode, done.stdout) == (2, "")
    assert " ".join(done.stderr.split()) == " ".join(f"error: {refusal.value}".split())


def test_mistakes_of_the_user(
    signed: Path, private_pem: Path, public_pem: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new.sig"
    for mistake, said in (
        ({"bundle": signed}, "name a bundle and one of"),
        ({"key": private_pem}, "name a bundle and one of"),
        ({"bundle": signed, "key": private_pem, "sigstore": True}, "name a bundle and one of"),
        ({"bundle": signed, "make_key": tmp_path / "l.pem"}, "signs nothing"),
        ({"make_key": private_pem}, r"release\.pem exists already; a key is never overwritten"),
        ({"bundle": signed, "key": private_pem}, r"bundle\.sig exists already"),
        ({"bundle": signed, "key": private_pem, "out": signed / "model.sig"}, "lies in the bundle"),
        (
            {"bundle": signed, "key": private_pem, "out": new, "trust_config": private_pem},
            "belongs to --sigstore",
        ),
        ({"bundle": signed, "key": public_pem, "out": new}, "no private key in PEM"),
        ({"bundle": signed, "key": tmp_path / "none.pem", "out": new}, "no such file"),
        ({"bundle": signed, "key": tmp_path, "out": new}, "is a folder"),
        ({"bundle": tmp_path, "key": private_pem, "out": new}, "no bundle"),
    ):
        with pytest.raises(UsageError, match=said):
            sign(**mistake)
    assert not new.exists()
    for mistake, said in (
        ({"key": private_pem}, "but a private one, which must stay with its owner"),
        ({"key": tmp_path}, "is a folder"),
        ({"key": signed / "card.json"}, "is no public key in PEM"),
        ({"signature": new}, "whose signature"),
        ({"key": public_pem, "identity": "a@b.example"}, "one of the two"),
    ):
        with pytest.raises(UsageError, match=said):
            verify(signed, **mistake)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
def test_pipes_in_the_place_of_files_hang_nothing(
    signed: Path, private_pem: Path, public_pem: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match=r"is a pipe"):
        verify_bundle(signed, signature=tmp_path / "pipe")
    with pytest.raises(UsageError, match=r"is a pipe"):
        sign_bundle(signed, tmp_path / "pipe", out=tmp_path / "x.sig")
    policy = SignaturePolicy(public_key=public_pem, signature=tmp_path / "pipe")
    with pytest.raises(BundleError, match=r"is a pipe"):
        Predictor.load(signed, require_signature=policy)


@pytest.mark.skipif(os.name != "posix", reason="rights of files")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_private_key_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    private = tmp_path / "k.pem"
    before = os.umask(umask)
    try:
        make_signing_key(private)
    finally:
        os.umask(before)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    public = stat.S_IMODE(private.with_name("k.pub.pem").stat().st_mode)
    assert public == 0o666 & ~umask


@pytest.mark.skipif(os.name != "posix", reason="rights of files")
def test_a_key_that_others_may_read_is_told_of(
    steering_bundle: Path, private_pem: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_key = Path(shutil.copy(private_pem, tmp_path / "open.pem"))
    open_key.chmod(0o644)
    sign_bundle(steering_bundle, open_key, out=tmp_path / "a.sig")
    assert "may be used by others" in caplog.text
    caplog.clear()
    sign_bundle(steering_bundle, private_pem, out=tmp_path / "b.sig")
    assert caplog.text == ""
    assert stat.S_IMODE((tmp_path / "b.sig").stat().st_mode) & 0o400


def test_keys_with_a_password_and_keys_of_other_kinds(
    steering_bundle: Path, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives import serialization as pem
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    def written(name: str, key: Any, how: Any) -> Path:
        (tmp_path / name).write_bytes(
            key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, how)
        )
        (tmp_path / name).chmod(0o600)
        (tmp_path / f"{name}.pub").write_bytes(
            key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
        )
        return tmp_path / name

    locked = written(
        "locked.pem", ec.generate_private_key(ec.SECP384R1()), pem.BestAvailableEncryption(b"word")
    )
    out = tmp_path / "locked.sig"
    command = ("sign", steering_bundle, "--key", locked, "--out", out)
    for env, said in (
        ({}, "needs its password"), ({"AUXDRIVE_KEY_PASSWORD": "wrong"}, "another password"),
    ):  # fmt: skip
        done = auxdrive(*command, env={**os.environ, **env})
        assert done.returncode == 2
        assert said in " ".join(done.stderr.split())
    assert auxdrive(*command, env={**os.environ, "AUXDRIVE_KEY_PASSWORD": "word"}).returncode == 0
    policy = SignaturePolicy(public_key=f"{locked}.pub", signature=out)
    assert verify_bundle(steering_bundle, signature=policy).passed

    for name, key in (
        ("ed.pem", ed25519.Ed25519PrivateKey.generate()),
        ("koblitz.pem", ec.generate_private_key(ec.SECP256K1())),
    ):
        other = written(name, key, pem.NoEncryption())
        with pytest.raises(UsageError, match=r"key of another kind"):
            sign_bundle(steering_bundle, other, out=tmp_path / "x.sig")
        with pytest.raises(UsageError, match=r"key of another kind"):
            verify_bundle(
                steering_bundle,
                signature=SignaturePolicy(public_key=f"{other}.pub", signature=out),
            )


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("moment", ["pathlib.Path.replace", "auxdrive.storage.publish.force_file"])
def test_a_signer_that_is_killed_leaves_no_half_signature(
    steering_bundle: Path,
    copy_of: Callable[[Path], Path],
    private_pem: Path,
    public_pem: Path,
    moment: str,
) -> None:
    bundle = copy_of(steering_bundle)
    before = {file: file.read_bytes() for file in bundle.rglob("*") if file.is_file()}
    owner, name = moment.rsplit(".", 1)
    code = (
        "import os, pathlib, auxdrive.storage.publish\n"
        f"{owner}.{name} = lambda *_: os.kill(os.getpid(), 9)\n"
        "from auxdrive.cli import main\nmain()"
    )
    words = ["sign", str(bundle), "--key", str(private_pem)]
    done = subprocess.run([sys.executable, "-c", code, *words], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not signature_path(bundle).exists()
    assert {file: file.read_bytes() for file in bundle.rglob("*") if file.is_file()} == before
    sign_bundle(bundle, private_pem)
    assert verify_bundle(bundle, signature=public_pem).passed
