"""The file of a signature: where it lies, and reading it without believing it.

Nothing here needs a package for cryptography, and nothing here proves anything: whether a signature
holds is said by `auxdrive.signatures.check`.
"""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from auxdrive.errors import BundleError
from auxdrive.storage.reading import exists, read_bytes
from auxdrive.strict import Strict, parse_model, parse_object

SUFFIX = ".sig"
MAX_SIGNATURE_BYTES = 1 << 20
"""The signature of as many files as a bundle may hold has about a tenth of that."""
AGAIN = "Get the signature again from whoever signed the bundle, or sign it again: `auxdrive sign`"

_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Base64 = Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]


class _Key(Strict):
    hint: _Hex


class _Material(Strict):
    publicKey: _Key  # the names are those of the format
    tlogEntries: tuple[()] = ()


class _Signed(Strict):
    sig: _Base64
    keyid: str = Field(default="", max_length=200)


class _Envelope(Strict):
    payload: _Base64
    payloadType: Literal["application/vnd.in-toto+json"]
    signatures: tuple[_Signed] = Field(min_length=1)


class KeySignature(Strict):
    """A signature by a key, as its file says. What it says is not proved by reading it.

    Attributes:
        mediaType: the version of the format, a Sigstore bundle.
        verificationMaterial: names the key.
        dsseEnvelope: what was signed (an in-toto statement in base64) and the signature itself.
    """

    mediaType: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]
    verificationMaterial: _Material
    dsseEnvelope: _Envelope

    @property
    def key_id(self) -> str:
        """The key that it claims to be of: the SHA-256 of the public key's PEM file."""
        return self.verificationMaterial.publicKey.hint


def signature_path(bundle: Path) -> Path:
    """Where a bundle's signature lies unless somebody says otherwise: beside it, `BUNDLE.sig`."""
    named = bundle if bundle.name not in ("", "..") else bundle.resolve()
    return named.parent / f"{named.name}{SUFFIX}"


def read_file(path: Path) -> bytes:
    """The content of a signature's file.

    Raises:
        BundleError: there is none, it is no regular file, or it is too large.
    """
    if not exists(path, BundleError):
        raise BundleError(
            f"{path}: there is no signature. A bundle that is moved takes its {SUFFIX} file along; "
            "`auxdrive sign` makes one"
        )
    return read_bytes(path, MAX_SIGNATURE_BYTES, BundleError)


def read_signature(data: bytes, where: str) -> KeySignature:
    """The signature by a key in the bytes of a file.

    Args:
        data: the bytes.
        where: names the file in messages.

    Raises:
        BundleError: they are none; the message lists what is wrong.
    """
    found = parse_object(data, where, BundleError)
    if _has_certificate(found):
        raise BundleError(
            f"{where}: was made by Sigstore and not by a key: check it by identity and issuer"
        )
    try:
        return parse_model(data, KeySignature, where, BundleError)
    except BundleError as error:
        raise BundleError(f"{error}\nThis is no signature of a bundle. {AGAIN}") from None


def is_of_sigstore(data: bytes, where: str) -> bool:
    """Whether a signature was made by Sigstore, with a certificate in the place of a key.

    Args:
        data: the content of the signature's file.
        where: names it in messages.

    Raises:
        BundleError: it is no JSON object.
    """
    return _has_certificate(parse_object(data, where, BundleError))


def _has_certificate(found: dict[str, Any]) -> bool:
    material = found.get("verificationMaterial")
    return isinstance(material, dict) and "publicKey" not in material and "certificate" in material


class _Digest(Strict):
    sha256: _Hex


class _Subject(Strict):
    name: str
    digest: _Digest


class _Resource(Strict):
    name: str = Field(min_length=1, max_length=4096)
    algorithm: Literal["sha256"]
    digest: _Hex


class _Serialization(Strict):
    method: Literal["files"]
    hash_type: Literal["sha256"]
    allow_symlinks: bool
    ignore_paths: tuple[str, ...] = ()


class _Predicate(Strict):
    serialization: _Serialization
    resources: tuple[_Resource, ...]


class _Statement(Strict):
    type: str = Field(alias="_type")
    subject: tuple[_Subject] = Field(min_length=1)
    predicateType: Literal["https://model_signing/signature/v1.0"]
    predicate: _Predicate


def signed_files(data: bytes, where: str) -> dict[str, str]:
    """The SHA-256 of each file, by relative path, that a signature claims to be of.

    Args:
        data: the content of the signature's file, by a key or of Sigstore.
        where: names it in messages.

    Raises:
        BundleError: it holds no in-toto statement about files, or names a file twice.
    """
    envelope = parse_object(data, where, BundleError).get("dsseEnvelope")
    payload = envelope.get("payload") if isinstance(envelope, dict) else None
    if not isinstance(payload, str):
        raise BundleError(f"{where}: holds no statement (dsseEnvelope.payload). {AGAIN}")
    try:
        said = b64decode(payload, validate=True)
    except ValueError as error:
        raise BundleError(f"{where}: its payload is no base64: {error}. {AGAIN}") from None
    statement = parse_model(said, _Statement, f"{where}: its payload", BundleError)
    resources = statement.predicate.resources
    files = {each.name: each.digest for each in resources}
    if len(files) != len(resources):
        raise BundleError(f"{where}: its payload names a file twice. {AGAIN}")
    return files


def differences(signed: dict[str, str], found: dict[str, str]) -> str:
    """How the files that were signed differ from those of a bundle, in words; empty where they do
    not.

    Args:
        signed: the SHA-256 of each file in the signature, by relative path.
        found: the same of the bundle.
    """
    groups = (
        (
            "changed",
            sorted(name for name in signed if found.get(name, signed[name]) != signed[name]),
        ),
        ("missing", sorted(signed.keys() - found.keys())),
        ("not signed", sorted(found.keys() - signed.keys())),
    )
    return "; ".join(
        f"{what}: {', '.join(names[:5])}{f' and {len(names) - 5} more' if names[5:] else ''}"
        for what, names in groups
        if names
    )
