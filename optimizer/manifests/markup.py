"""Reading XML manifests (Maven, .NET): no document type, no entities, names without their name space."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from optimizer.manifests.base import RefusedError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parse(text: str, path: str) -> Element:
    """Parse an XML manifest; raises RefusedError where it is not valid or declares entities."""
    from xml.etree import ElementTree

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise RefusedError(f"{path} declares a document type")
    try:
        return ElementTree.fromstring(text.removeprefix("\ufeff").encode())
    except ElementTree.ParseError as error:
        raise RefusedError(f"{path} is not valid XML: {error}") from error


def name(element: Element) -> str:
    """Return the name of an element without its name space."""
    return str(element.tag).rpartition("}")[2]


def children(element: Element | None, *names: str) -> Iterator[Element]:
    """Yield the elements at a path of names below an element."""
    level = [] if element is None else [element]
    for wanted in names:
        level = [child for each in level for child in each if name(child) == wanted]
    yield from level


def text_of(element: Element | None, *names: str) -> str | None:
    """Return the text of the first element at a path of names, or None where there is none."""
    for found in children(element, *names):
        return (found.text or "").strip()
    return None
