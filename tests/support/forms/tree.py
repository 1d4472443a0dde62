"""Trees: a form as tests draw it, before it is spelt as KoboToolbox content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

GROUP, REPEAT = "begin_group", "begin_repeat"
MATRIX, RANK, SCORE = "begin_kobomatrix", "begin_rank", "begin_score"
SECTIONS = frozenset({GROUP, REPEAT, MATRIX, RANK, SCORE})
LANGUAGES = ("English (en)", "Français (fr)", "العربية (ar)", "አማርኛ (am)")


@dataclass(frozen=True)
class Node:
    """A question or a section of a form.

    :param type: in the spelling of a server, such as ``select_one`` or ``begin_repeat``.
    :param name: one part of the path of its answers.
    :param kuid: the form builder's id of the row.
    :param label: a number that chooses label and hint in each language (:mod:`tests.support.forms.texts`).
    :param list_name: the list of choices that it names, or a file's name.
    :param spelling: a number that chooses how its row is spelt (:mod:`tests.support.forms.content`).
    :param further: other keys of its row, such as ``repeat_count``.
    :param children: what stands in a section.
    """

    type: str
    name: str
    kuid: str = ""
    label: int = 0
    list_name: str | None = None
    spelling: int = 0
    further: Mapping[str, Any] = field(default_factory=dict)
    children: tuple[Node, ...] = ()

    @property
    def is_section(self) -> bool:
        """Whether others may stand in it."""
        return self.type in SECTIONS


@dataclass(frozen=True)
class Item:
    """A choice of a list.

    :param name: what an answer says; a spreadsheet's numbers are numbers.
    :param label: as :class:`Node` has it.
    """

    name: str | int | float
    label: int = 0

    @property
    def value(self) -> str:
        """The choice as an answer says it."""
        name = self.name
        return str(int(name)) if isinstance(name, float) and name.is_integer() else str(name)


@dataclass(frozen=True)
class Tree:
    """A form.

    :param languages: in their order; None is the one without a name.
    """

    nodes: tuple[Node, ...]
    lists: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    languages: tuple[str | None, ...] = (None,)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def walk(self) -> Iterator[tuple[tuple[int, ...], Node]]:
        """Every node with its address: the positions on the way to it."""
        yield from _walk(self.nodes, ())

    def at(self, address: tuple[int, ...]) -> Node:
        """The node of an address."""
        nodes, node = self.nodes, None
        for position in address:
            node = nodes[position]
            nodes = node.children
        assert node is not None
        return node

    def siblings(self, address: tuple[int, ...]) -> tuple[Node, ...]:
        """The nodes beside that of an address, itself among them."""
        return self.at(address[:-1]).children if len(address) > 1 else self.nodes

    def with_siblings(
        self, address: tuple[int, ...], change: Callable[[tuple[Node, ...]], tuple[Node, ...]]
    ) -> Tree:
        """The tree in which the nodes beside that of an address, itself among them, are others."""
        return replace(self, nodes=_changed(self.nodes, address[:-1], change))

    def with_node(self, address: tuple[int, ...], *nodes: Node) -> Tree:
        """The tree with other nodes, or none, in the place of one."""
        at = address[-1]
        return self.with_siblings(address, lambda beside: (*beside[:at], *nodes, *beside[at + 1 :]))


def _walk(nodes: tuple[Node, ...], above: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Node]]:
    for position, node in enumerate(nodes):
        address = (*above, position)
        yield address, node
        yield from _walk(node.children, address)


def _changed(
    nodes: tuple[Node, ...],
    address: tuple[int, ...],
    change: Callable[[tuple[Node, ...]], tuple[Node, ...]],
) -> tuple[Node, ...]:
    if not address:
        return change(nodes)
    at = address[0]
    inner = replace(nodes[at], children=_changed(nodes[at].children, address[1:], change))
    return (*nodes[:at], inner, *nodes[at + 1 :])
