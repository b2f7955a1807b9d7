"""The damage that bundles suffer when they are copied: messages that name it and say how to cure
it.
"""

from __future__ import annotations

import hashlib

LINK_CURE = (
    "a symbolic link; a bundle holds its files itself (the caches of download tools, the Hugging "
    "Face hub's among them, hold links). "
    "Copy it with the links resolved, cp -rL FROM TO, or download into a folder of your own"
)

_LFS = b"version https://git-lfs.github.com/spec/"
_ANNEX = b"/annex/objects/"
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def pointer_cause(data: bytes) -> str | None:
    """The message for a pointer that Git LFS or git-annex left instead of the file itself; None for
    other content.
    """
    if data.startswith(_LFS):
        return (
            "is a Git LFS pointer, the file itself was not fetched. Run `git lfs pull` in the "
            "repository, or download the file"
        )
    if data.startswith(_ANNEX):
        return (
            "is a git-annex pointer, the file itself was not fetched. Run `git annex get` on it in "
            "the repository"
        )
    return None


def mark_cause(data: bytes) -> str | None:
    """The message for a text that begins with a byte-order mark; None for other content."""
    if data.startswith(_MARKS):
        return (
            "begins with a byte-order mark, so an editor or a shell saved it anew. Copy the bundle "
            "again, "
            "or save the file as UTF-8 without BOM"
        )
    return None


def change_cause(data: bytes, expected_sha256: str) -> str | None:
    """The message for a file whose SHA-256 is wrong, where a known change explains it: undoing the
    change gives the right SHA-256. None for others.

    Args:
        data: the file's content.
        expected_sha256: that it should have.
    """

    def restores(other: bytes) -> bool:
        return hashlib.sha256(other).hexdigest() == expected_sha256

    if not data:
        return "is empty: copying or downloading it was cut off"
    if b"\r\n" in data and restores(data.replace(b"\r\n", b"\n")):
        return (
            "its line ends were turned to CRLF, as git does on Windows. Put the line `* -text` "
            "into a .gitattributes beside the bundle "
            "and check it out again, or copy the bundle without git"
        )
    if data.startswith(_MARKS[0]) and restores(data[3:]):
        return mark_cause(data)
    return None
