"""Asked: what a form asks, told from its tree and not from its content, to judge what is read from that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support.forms.texts import text
from tests.support.forms.tree import MATRIX, RANK, REPEAT, SCORE, Node, Tree
from tests.support.forms.types import POINTS, has_answer, kind_of

HIDDEN = frozenset(
    {
        "_id", "_uuid", "_submission_time", "_submitted_by", "_status", "_geolocation", "_attachments",
        "_tags", "_notes", "_validation_status", "_xform_id_string", "_bamboo_dataset_id",
        "_supplementalDetails", "__version__", "formhub/uuid", "meta/instanceID", "meta/deprecatedID",
        "meta/rootUuid", "meta/instanceName",
    }
)  # fmt: skip
"""Paths of the server's own values: a question that is named so is never seen, nor what stands in
a repeat that is named so."""


@dataclass(frozen=True)
class Asked:
    """A question that can have an answer.

    :param type: in the usual spelling.
    :param labels: language → text.
    :param repeats: the paths of the repeats that it stands in, the outermost first.
    """

    path: str
    type: str
    kind: str
    list_name: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    repeats: tuple[str, ...] = ()

    @property
    def is_point(self) -> bool:
        """Whether its numbers have columns of their own."""
        return self.type in POINTS


@dataclass(frozen=True)
class _Place:
    """Where a node stands."""

    path: str = ""
    repeats: tuple[str, ...] = ()
    list_name: str | None = None


def asked_in(tree: Tree) -> dict[str, Asked]:
    """Every question of a form by its path, in reading order."""
    found: dict[str, Asked] = {}
    counts: list[Asked] = []
    for question in _asked(tree.nodes, tree, _Place()):
        if question.type == "count of a repeat":
            counts.append(question)
        elif question.path not in HIDDEN:
            found.setdefault(question.path, question)
    return found | {c.path: c for c in counts if c.path not in found and c.path not in HIDDEN}


def repeats_in(tree: Tree) -> tuple[str, ...]:
    """The paths of a form's repeats, in reading order."""
    return tuple(dict.fromkeys(_repeats(tree.nodes, "")))


def labels_of(number: int, tree: Tree) -> dict[str, str]:
    """The labels of a number in the languages that have one."""
    languages = tree.languages or (None,)
    texts = {language or "default": text(number, language) for language in languages}
    return {language: found for language, found in texts.items() if found}


def _repeats(nodes: tuple[Node, ...], above: str) -> Iterator[str]:
    for node in nodes:
        path = _below(above, node.name)
        if node.type == REPEAT and path in HIDDEN:
            continue
        if node.type == REPEAT:
            yield path
        if node.type != MATRIX:
            yield from _repeats(node.children, path)


def _asked(nodes: tuple[Node, ...], tree: Tree, place: _Place) -> Iterator[Asked]:
    for node in nodes:
        if node.type == MATRIX:
            yield from _cells(node, tree, place)
        elif node.is_section:
            path, repeats = _below(place.path, node.name), place.repeats
            if node.type == REPEAT:
                if node.further.get("repeat_count") not in (None, ""):
                    yield Asked(f"{path}_count", "count of a repeat", "integer", repeats=repeats)
                if path in HIDDEN:
                    continue
                repeats = (*repeats, path)
            key = {RANK: "kobo--rank-items", SCORE: "kobo--score-choices"}.get(node.type, "")
            inside = _Place(path, repeats, node.further.get(key))
            yield from _asked(node.children, tree, inside)
        elif has_answer(node):
            path = "meta/audit" if node.type == "audit" else _below(place.path, node.name)
            labels = labels_of(node.label, tree)
            yield from _answers(node, tree, path, place, labels)


def _cells(matrix: Node, tree: Tree, place: _Place) -> Iterator[Asked]:
    for item in tree.lists.get(matrix.further["kobo--matrix_list"], ()):
        group = f"{matrix.name}_{item.value}"
        for column in filter(has_answer, matrix.children):
            path = _below(place.path, f"{group}/{group}_{column.name}")
            of_item, own = labels_of(item.label, tree), labels_of(column.label, tree)
            languages = {**of_item, **own}
            labels = {name: ": ".join(filter(None, (of_item.get(name), own.get(name)))) for name in languages}
            yield from _answers(column, tree, path, place, labels)


def _answers(node: Node, tree: Tree, path: str, place: _Place, labels: dict[str, str]) -> Iterator[Asked]:
    list_name = node.list_name or place.list_name
    kind = kind_of(node, tree, list_name)
    repeats = () if node.type == "audit" else place.repeats
    yield Asked(path, node.type, kind, list_name, labels, repeats)
    if node.further.get("_or_other"):
        yield Asked(f"{path}_other", "text", "text", repeats=repeats)


def _below(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
