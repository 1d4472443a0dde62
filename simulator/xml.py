"""A submission as the XML that a REST Service of the XML kind posts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree


def as_xml(row: Mapping[str, Any]) -> str:
    """Return the answers and the ``meta`` part, nested by their paths, without what the server itself adds.

    :param row: the submission as the API shows it.
    """
    asset = str(row["_xform_id_string"])
    root = ElementTree.Element(asset, {"id": asset, "version": str(row.get("__version__", ""))})
    for path, value in row.items():
        if not path.startswith("_") or path == "__version__":
            _add(root, path, value)
    ElementTree.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ElementTree.tostring(root, encoding='unicode')}\n"


def _add(parent: ElementTree.Element, path: str, value: Any) -> None:
    *groups, name = path.split("/")
    for group in groups:
        found = parent.find(group)
        parent = ElementTree.SubElement(parent, group) if found is None else found
    if not isinstance(value, list):
        ElementTree.SubElement(parent, name).text = str(value)
        return
    for member in value:
        element = ElementTree.SubElement(parent, name)
        for inner, answer in member.items():
            _add(element, inner.removeprefix(f"{path}/"), answer)
