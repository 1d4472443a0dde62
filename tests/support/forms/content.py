"""Content: a tree as the JSON that a KoboToolbox server keeps, in the spellings that occur."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.forms.texts import text
from tests.support.forms.tree import MATRIX, Item, Node, Tree
from tests.support.forms.types import ALIASES

SPELLINGS = 60
"""How many numbers of a node's spelling there are; 0 is the usual one."""
_NAMES, _TYPES, _LABELS = 4, 5, 3


def content_of(tree: Tree) -> dict[str, Any]:
    """The content of a version, as ``/versions/{uid}/`` shows it."""
    content: dict[str, Any] = {
        "schema": "1",
        "survey": list(_rows(tree.nodes, tree, "", in_matrix=False)),
        "choices": [
            _choice(item, name, tree, position)
            for name, items in tree.lists.items()
            for position, item in enumerate(items)
        ],
        "settings": dict(tree.settings),
        "translated": ["label", "hint"],
    }
    if tree.languages:
        content["translations"] = list(tree.languages)
    return content


def _rows(nodes: tuple[Node, ...], tree: Tree, path: str, *, in_matrix: bool) -> Iterator[dict[str, Any]]:
    for node in nodes:
        below = f"{path}/{node.name}" if path else node.name
        row = {"$kuid": node.kuid, "$xpath": below, **node.further, **_named(node, in_matrix)}
        row |= _type(node)
        row |= _texts("label", node.label, tree, node.spelling // (_NAMES * _TYPES) % _LABELS)
        row |= _texts("hint", node.label // 3, tree, 0)
        yield row
        if node.is_section:
            yield from _rows(node.children, tree, below, in_matrix=node.type == MATRIX)
            end = row["type"].replace("begin", "end", 1)
            yield {"type": end, "$kuid": f"/{node.kuid}"}


def _named(node: Node, in_matrix: bool) -> dict[str, Any]:
    """A row's name: beside ``$autoname``, or in its place, or another one, which a matrix reads first."""
    matters, ignored = ("name", "$autoname") if in_matrix or node.type == MATRIX else ("$autoname", "name")
    spelling = node.spelling % _NAMES
    if spelling == 0:
        return {"name": node.name, "$autoname": node.name}
    if spelling == 1:
        return {"$autoname": node.name}
    if spelling == 2:
        return {"name": node.name}
    return {matters: node.name, ignored: f"other_than_{node.name}"}


def _type(node: Node) -> dict[str, Any]:
    spelling = node.spelling // _NAMES % _TYPES
    aliases = ALIASES.get(node.type, (node.type,))
    other = aliases[(spelling - 1) % len(aliases)] if spelling else node.type
    if node.list_name is None or node.is_section:
        return {"type": other}
    if spelling in (0, 3):
        return {"type": node.type, "select_from_list_name": node.list_name}
    if "_or_other" in node.further:
        return {"type": f"{other} {node.list_name} or_other", "_or_other": spelling == 4}
    if spelling == 2:
        return {"type": {node.type: node.list_name}}
    if node.type.endswith("_from_file"):
        return {"type": node.type, "file": node.list_name}
    return {"type": f"{other} {node.list_name}"}


def _choice(item: Item, list_name: str, tree: Tree, position: int) -> dict[str, Any]:
    row: dict[str, Any] = {"list_name": list_name, "$kuid": f"c{position}", "name": item.name}
    if item.label % 3 == 1:
        row["$autovalue"] = item.value
    if item.label % 3 == 2 and not _is_of_a_matrix(list_name, tree):
        row |= {"$autovalue": item.value, "name": f"other than {item.value}"}
    return row | _texts("label", item.label, tree, 0)


def _is_of_a_matrix(list_name: str, tree: Tree) -> bool:
    return any(node.further.get("kobo--matrix_list") == list_name for _, node in tree.walk())


def _texts(key: str, number: int, tree: Tree, spelling: int) -> dict[str, Any]:
    """A label in each language: a list; a text where there are no languages; or keys, as in a spreadsheet."""
    if number == 0:
        return {}
    if not tree.languages:
        found = text(number, None)
        return {key: found if spelling == 0 else [found]}
    if spelling == 1 and None not in tree.languages:
        return {f"{key}::{language}": text(number, language) for language in tree.languages}
    return {key: [text(number, language) for language in tree.languages]}
