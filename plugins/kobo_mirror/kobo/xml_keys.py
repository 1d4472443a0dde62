"""The keys of a submission, read from its XML: all that its JSON can have, but for the server's own."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

_DEEPEST = 100
_INSTANCE_ID = "meta/instanceID"


class Keys:
    """The keys that a submission's XML gives its JSON.

    :param paths: the path of every element below the root, groups and repeats included.
    :param instance_id: the text of ``meta/instanceID``, None if there is none: it changes with each edit.
    """

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.instance_id: str | None = None


def keys_of(xml: bytes) -> Keys:
    """Return the keys of a submission (kobo-api.md §2: keys are the paths of its XML, as they are spelt).

    :param xml: the submission's XML.
    :raises ValueError: it is no XML, has a document type, or is nested too deeply.
    """
    found, path = Keys(), list[str]()
    parser = expat.ParserCreate()  # it leaves prefixes of names as they are, and so does the server

    def opened(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        if len(path) > _DEEPEST:
            raise ValueError("nested too deeply")
        if len(path) > 1:
            found.paths.add("/".join(path[1:]))

    def closed(name: str) -> None:
        path.pop()

    def read(text: str) -> None:
        if "/".join(path[1:]) == _INSTANCE_ID:
            found.instance_id = (found.instance_id or "") + text

    def refuse(*_: Any) -> None:
        raise ValueError("a document type, which no submission has")

    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = read, refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError:
        raise ValueError("no XML") from None
    return found
