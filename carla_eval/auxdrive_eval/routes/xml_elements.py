"""XML of route files, read with the line of every element, so that what is wrong can be found."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.parsers import expat

from auxdrive.errors import DataError, unknown_name
from auxdrive.storage.reading import no_document

_log = logging.getLogger(__name__)

MAX_BYTES = 16 * 2**20
"""Larger files are refused; the leaderboard's largest has 2.5 MB."""
MAX_ELEMENTS = 500_000
MAX_DEPTH = 10
MAX_NUMBER = 1e6


@dataclass(slots=True)
class Element:
    """An element, its children in the order of the file, and the line on which it begins.

    Attributes:
        text: what stands within the element beside its children, without the spaces around it.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all_of(self, tag: str) -> list[Element]:
        """Its children of this name."""
        return [child for child in self.children if child.tag == tag]


@dataclass(frozen=True, slots=True)
class Where:
    """What of a file is being read, for messages.

    Attributes:
        what: "route '3', waypoint 1", or empty for the file as a whole.
        passes_text: whether stray text is passed over with a warning, and not refused.
    """

    path: Path
    what: str = ""
    passes_text: bool = False

    def inside(self, what: str) -> Where:
        """A part of this one."""
        return replace(self, what=f"{self.what}, {what}" if self.what else what)

    def error(self, element: Element, message: str) -> DataError:
        """What is wrong with an element, with its line.

        Args:
            element: on whose line it stands.
            message: what is wrong.
        """
        what = f", {self.what}" if self.what else ""
        return DataError(f"{self.path}, line {element.line}{what}: {message}")

    def refuse_unknown(
        self, element: Element, attributes: Collection[str], elements: Collection[str]
    ) -> None:
        """Refuse text, and all attributes and elements but these.

        Args:
            element: that is looked at.
            attributes: names that it may have.
            elements: names that its children may have.

        Raises:
            DataError: it has another attribute or child, or text that is not passed over.
        """
        for name in element.attributes:
            if name not in attributes:
                known = (
                    unknown_name("attribute", name, attributes)
                    if attributes
                    else f"<{element.tag}> has no attributes, and not '{name}'"
                )
                raise self.error(element, known)
        for child in element.children:
            if child.tag not in elements:
                known = (
                    unknown_name("element", child.tag, elements)
                    if elements
                    else f"<{element.tag}> holds attributes alone"
                )
                raise self.error(child, f"holds <{child.tag}>. {known}")
        if element.text:
            error = self.error(
                element, f"holds the text '{element.text[:40]}', and <{element.tag}> holds none"
            )
            if not self.passes_text:
                raise error
            _log.warning("%s; it is passed over", error)

    def text(self, element: Element, name: str) -> str:
        """An attribute that must be there and not be empty.

        Args:
            element: that has it.
            name: of the attribute.

        Raises:
            DataError: it is missing or empty.
        """
        value = element.attributes.get(name, "").strip()
        if not value:
            raise self.error(element, f"has no {name}")
        return value

    def number(self, element: Element, name: str, default: float | None = None) -> float:
        """An attribute that is a number.

        Args:
            element: that has it.
            name: of the attribute.
            default: where it is missing; None refuses that.

        Raises:
            DataError: it is missing, no number, not finite, or beyond `MAX_NUMBER`.
        """
        text = element.attributes.get(name)
        if text is None:
            if default is None:
                raise self.error(element, f"has no {name}")
            return default
        try:
            if (
                "_" in text or not text.isascii()
            ):  # float() takes 1_000 and the digits of other scripts, XML's numbers have neither
                raise ValueError
            value = float(text)
        except ValueError:
            raise self.error(element, f"{name}='{text[:40]}' is no number") from None
        if not math.isfinite(value) or abs(value) > MAX_NUMBER:
            raise self.error(element, f"{name}={text[:40]} is not a finite number within 1e6")
        return value


def read_xml(path: Path, content: bytes) -> Element:
    """The root element of a file.

    Args:
        path: of the file, for messages.
        content: of the file.

    Raises:
        DataError: it is empty, packed or not XML, has a document type declaration (which could
            expand without end), or has more elements or a deeper nesting than any route file.
    """
    if (instead := no_document(content)) is not None:
        raise DataError(f"{path}: {instead}")
    reader = _Reader(path)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    reader.parser = parser
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise DataError(f"{path}: is not well-formed XML: {error}") from error
    return reader.root.children[0]


class _Reader:
    parser: expat.XMLParserType

    def __init__(self, path: Path) -> None:
        self.root = Element("", {}, 0)
        self._path = path
        self._open = [self.root]
        self._count = 0

    def refuse_doctype(self, *_: object) -> None:
        raise DataError(
            f"{self._path}, line {self.parser.CurrentLineNumber}: has a document type declaration, "
            "which route files do not need; remove it"
        )

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, self.parser.CurrentLineNumber)
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            raise Where(self._path).error(
                element,
                f"has more than {MAX_ELEMENTS} elements, or nests them more than {MAX_DEPTH} deep; "
                "this is no route file",
            )
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        # LAV's routes have "\n" in two characters where lines were to end.
        if stripped := text.replace("\\n", " ").strip():
            self._open[-1].text = f"{self._open[-1].text} {stripped}".strip()[:80]
