"""An opened bundle: everything that is said of a model, checked file by file before anything is
used.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from auxdrive.bundles import layout
from auxdrive.bundles.arrays import parse_npy
from auxdrive.bundles.card_text import parse_card
from auxdrive.bundles.files import AGAIN, list_files, read_file, read_named, sha256, some
from auxdrive.bundles.layout import CARD_NAME, MODEL_NAME, ego_of
from auxdrive.bundles.transport import change_cause
from auxdrive.cards import ModelCard
from auxdrive.ego import EgoLayout
from auxdrive.errors import BundleError, UsageError
from auxdrive.storage.reading import exists, is_folder
from auxdrive.types import AnyArray


class Bundle:
    """A bundle whose card was parsed and whose every file had the SHA-256 that the card gives when
    it was opened.

    Attributes:
        card_sha256: of card.json, and so of the whole bundle: the card holds the SHA-256 of every
            other file.
        passed_over: files and folders that are no part of a bundle and are left everywhere by
            desktops, file systems and git (.DS_Store, Thumbs.db, .git, ...). They were not opened.
    """

    def __init__(self, path: Path, card: ModelCard, card_sha256: str) -> None:
        self.path = path
        self.card = card
        self.card_sha256 = card_sha256
        self.passed_over: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: str | os.PathLike[str], expect_sha256: str | None = None) -> Bundle:
        """Open the bundle in a directory and check all of it.

        Args:
            path: the directory.
            expect_sha256: what card.json's SHA-256 must be (`auxdrive verify` prints it); looked at
                before the card is parsed.

        Raises:
            UsageError: there is no such directory, it is no bundle (it has no card.json), or
                `expect_sha256` is no SHA-256.
            BundleError: another card than expected, or a wrong one, or a file that is missing,
                extra, a link, too large, or not what the card says.
        """
        root = Path(path)
        expected = None if expect_sha256 is None else checked_sha256(expect_sha256)
        if not is_folder(root, UsageError):  # no check failed where none could be made
            found = "no directory" if exists(root, UsageError) else "no such directory"
            raise UsageError(
                f"{root}: {found}; a bundle is the directory that `auxdrive export` writes"
            )
        if not os.path.lexists(root / CARD_NAME):
            raise UsageError(
                f"{root}: no bundle, it holds no {CARD_NAME}; name the directory that `auxdrive "
                "export` wrote"
            )
        data = read_file(root, CARD_NAME, layout.MAX_CARD_BYTES)
        if expected is not None:
            _hold_to(root, data, expected)
        bundle = cls(root, parse_card(data, f"{root / CARD_NAME}"), sha256(data))
        bundle._check_files()
        return bundle

    def hold_to(self, expect_sha256: str) -> None:
        """Refuse any other bundle than the one whose card has this SHA-256.

        Raises:
            UsageError: it is no SHA-256. BundleError: it is another's.
        """
        expected = checked_sha256(expect_sha256)
        if self.card_sha256 != expected:
            raise BundleError(_another(self.path, self.card_sha256, expected))

    @property
    def model_path(self) -> Path:
        """Where the graph lies. To run it, load `read("model.onnx")`: those bytes are the ones that
        were checked.
        """
        return self.path / MODEL_NAME

    @property
    def ego(self) -> EgoLayout:
        """The inputs beside the image, in the order of the card and of the columns of
        `reference/ego.npy`.
        """
        return ego_of(self.card)

    def read(self, name: str) -> bytes:
        """The content of a file of the card, read once and held against its SHA-256: what is
        returned is what was checked.

        Raises:
            BundleError: no such file in the card, or its content changed since the card was
                written.
        """
        expected = self.card.files.get(name)
        if expected is None:
            raise BundleError(f"{self.path}: the card names no file '{name}'")
        return read_named(self.path, name, expected)

    def read_array(self, name: str) -> AnyArray:
        """A `.npy` file of the card as an array (read-only) of whatever shape and type it has,
        checked like `read`; never pickled objects.
        """
        return parse_npy(self.read(name), f"{self.path / name}")

    def _check_files(self) -> None:
        listing = list_files(self.path)
        present = listing.sizes
        missing = sorted(self.card.files.keys() - present.keys())
        extra = sorted(present.keys() - self.card.files.keys() - {CARD_NAME})
        if missing:
            raise BundleError(
                f"{self.path}: missing {some(missing)}, named in {CARD_NAME}. {AGAIN}"
            )
        if extra:
            raise BundleError(
                f"{self.path}: {some(extra)} not named in {CARD_NAME}. A bundle holds nothing "
                "else: move it elsewhere"
            )
        if sum(present.values()) > layout.MAX_TOTAL_BYTES:
            largest = max(present, key=present.__getitem__)
            raise BundleError(
                f"{self.path}: {sum(present.values()):,} bytes together, more than the limit of "
                f"{layout.MAX_TOTAL_BYTES:,}; "
                f"'{largest}' alone has {present[largest]:,}. {AGAIN}"
            )
        for name in self.card.files:
            self.read(name)
        self.passed_over = tuple(sorted(listing.passed_over))


def checked_sha256(text: str) -> str:
    """A SHA-256 as a user gives it, in small digits.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(text, str) or re.fullmatch(r"[0-9a-fA-F]{64}", text) is None:
        raise UsageError(
            f"{str(text)[:80]!r} is no SHA-256; give the 64 hexadecimal digits that `auxdrive "
            "verify` prints for the card"
        )
    return text.lower()


def _hold_to(root: Path, card: bytes, expected: str) -> None:
    found = sha256(card)
    if found != expected:
        cause = change_cause(card, expected)
        raise BundleError(
            _another(root, found, expected) if cause is None else f"{root / CARD_NAME}: {cause}"
        )


def _another(root: Path, found: str, expected: str) -> str:
    return (
        f"{root}: another bundle than expected: the SHA-256 of its {CARD_NAME} is {found}, not "
        f"{expected}. "
        "Get the bundle again from whoever gave you that SHA-256"
    )
