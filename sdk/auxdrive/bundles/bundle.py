"""An opened bundle: the folder of an exported model, whose every file is checked before any of it
is used.
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
from auxdrive.cards import ModelCard, ParitySpec
from auxdrive.ego_layout import EgoLayout
from auxdrive.errors import BundleError, UsageError
from auxdrive.precisions import FP32, MODEL_FILES, PRECISIONS, check_precision
from auxdrive.storage.reading import exists, is_folder
from auxdrive.types import AnyArray


class Bundle:
    """An exported model: a folder with a card, the graph and reference frames. `open` makes one;
    every file then had the SHA-256 that the card gives for it.

    Attributes:
        path: the folder.
        card: what card.json says.
        card_sha256: the SHA-256 of card.json. It identifies the whole bundle, since the card holds
            the SHA-256 of every other file.
        passed_over: files and folders that are no part of a bundle: those that desktops, file
            systems and git leave everywhere (.DS_Store, Thumbs.db, .git, ...), and `bench`, where
            `auxdrive bench --attach` keeps measurements. They were not opened.

    Examples:
        >>> from auxdrive import Bundle
        >>> bundle = Bundle.open("bundle")
        >>> bundle.card.task
        'waypoints'
        >>> bundle.read_array("reference/images.npy").shape
        (6, 24, 32, 3)
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
            expect_sha256: the SHA-256 that card.json must have (`auxdrive verify` prints it). It is
                compared before the card is parsed.

        Raises:
            UsageError: there is no such directory, it is no bundle (it has no card.json), or
                `expect_sha256` is no SHA-256.
            BundleError: the card is not valid or not the expected one; or a file is missing, not
                named in the card, a link, too large, or has another SHA-256 than the card says.
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
        """Refuse this bundle unless its card has this SHA-256.

        Raises:
            UsageError: what was given is no SHA-256.
            BundleError: the card has another one.
        """
        expected = checked_sha256(expect_sha256)
        if self.card_sha256 != expected:
            raise BundleError(_another(self.path, self.card_sha256, expected))

    @property
    def model_path(self) -> Path:
        """The file that holds the graph. To run it, load the bytes that `read("model.onnx")` gives:
        those were checked, while the file may have changed since.
        """
        return self.path / MODEL_NAME

    @property
    def precisions(self) -> tuple[str, ...]:
        """The precisions that it holds; the first is fp32."""
        return tuple(each for each in PRECISIONS if each == FP32 or each in self.card.precisions)

    def model_file(self, precision: str) -> str:
        """The name of the file that holds the graph in a precision.

        Args:
            precision: a name in `auxdrive.precisions.PRECISIONS`.

        Raises:
            UsageError: there is no such precision, or the bundle does not hold it.
        """
        check_precision(precision)
        if precision not in self.precisions:
            raise UsageError(
                f"{self.path}: holds no {precision}, only {', '.join(self.precisions)}. `auxdrive "
                f"export RUN --precision {precision}` makes a bundle that does"
            )
        return MODEL_FILES[precision]

    def parity(self, precision: str) -> ParitySpec:
        """How the graph of a precision that the bundle holds is compared with the trained
        student.
        """
        card = self.card
        return card.parity if precision == FP32 else card.precisions[precision].parity

    @property
    def ego(self) -> EgoLayout:
        """The inputs beside the image, in the order of the card and of the columns of
        `reference/ego.npy`.
        """
        return ego_of(self.card)

    @property
    def sha256_of_all(self) -> dict[str, str]:
        """The SHA-256 of every file, that of card.json too, by relative path. Whatever `read` gives
        is compared with these.
        """
        return {**self.card.files, CARD_NAME: self.card_sha256}

    def read(self, name: str) -> bytes:
        """The content of a file that the card names. The bytes that are returned are the very ones
        whose SHA-256 was compared with the card's.

        Raises:
            BundleError: the card names no such file, or its content is not what the card says.
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
    """A SHA-256 that a user gave, in lower case.

    Raises:
        UsageError: the text is no SHA-256.
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
