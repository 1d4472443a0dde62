"""Drawing: nodes and lists of a form, each from few choices, so that Hypothesis is quick and shrinks well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.support.forms import texts
from tests.support.forms.content import SPELLINGS
from tests.support.forms.names import CHOICES, LEAVES, LIST_NAMES, LOOKALIKES, free_name
from tests.support.forms.tree import GROUP, LANGUAGES, MATRIX, RANK, REPEAT, SCORE, Item, Node
from tests.support.forms.types import FROM_FILES, IN_A_MATRIX, QUESTIONS, RANGES, SELECTS_MANY, SELECTS_ONE

T = TypeVar("T")
DEEPEST = 3
"""How many sections stand in each other at most."""
_SECTIONS = (GROUP, REPEAT, REPEAT, GROUP, REPEAT, MATRIX, RANK, SCORE)
_COUNTS: tuple[dict[str, Any], ...] = (
    {},
    {"repeat_count": ""},
    {"repeat_count": "3"},
    {"repeat_count": "${hh_size}"},
    {"repeat_count": 2},
)
_NOTES: tuple[dict[str, Any], ...] = ({}, {"calculation": "${age} * 12"}, {"default": "yes"})
_FURTHER: dict[str, tuple[dict[str, Any], ...]] = {
    "note": _NOTES,
    "calculate": ({"calculation": "${age} * 12"},),
    "hidden": ({"default": "spring-2026"},),
    "range": tuple({"parameters": given} if given else {} for given in RANGES),
    "text": ({}, {"appearance": "multiline"}, {"required": True}),
    "select_multiple": ({}, {"appearance": "literacy"}, {"_or_other": True}),
    "select_one": ({}, {"_or_other": True}, {"appearance": "minimal search('fruits')"}),
}


class Drawing:
    """What draws the parts of one form.

    :param draw: Hypothesis' own.
    :param version: the number of the version, so that each new row has a kuid of its own.
    :param lists: the names of the form's lists of choices.
    """

    def __init__(self, draw: st.DrawFn, version: int = 1, lists: Sequence[str] = LIST_NAMES) -> None:
        self._draw, self._version, self._made, self._lists = draw, version, 0, lists

    def one_of(self, choices: Sequence[T]) -> T:
        """One of some."""
        return self._draw(st.sampled_from(choices))

    def number(self, most: int, least: int = 0) -> int:
        """A whole number."""
        return self._draw(st.integers(least, most))

    def name(self, taken: set[str]) -> str:
        """A name that none of the siblings has."""
        return free_name(self._draw(LEAVES), taken)

    def kuid(self) -> str:
        """The id of a new row."""
        self._made += 1
        return f"k{self._version}n{self._made}"

    def label(self) -> int:
        """The number of a label."""
        return self.number(texts.MOST)

    def nodes(self, depth: int, most: int) -> tuple[Node, ...]:
        """Siblings, and what stands in them.

        :param depth: how many sections are around them.
        :param most: how many there are at most.
        """
        names = set[str]()
        twins = self.twins(names) if self.number(4) == 4 else ()
        return twins + tuple(
            self.node(depth, names) for _ in range(self.number(most, least=0 if depth else 2))
        )

    def twins(self, taken: set[str]) -> tuple[Node, ...]:
        """A question or a repeat, and others that are named as its further columns would be."""
        base = self.one_of(tuple(LOOKALIKES))
        names = [self.one_of(LOOKALIKES[base]) for _ in range(self.number(3, least=1))]
        kind = {"gps": "geopoint", "visited": "datetime", "members": REPEAT, "age": "integer"}.get(
            base, "text"
        )
        further = self.one_of(_COUNTS) if kind == REPEAT else {}
        inside = (self.question(set()),) if kind == REPEAT else ()
        first = Node(
            kind, free_name(base, taken), self.kuid(), self.label(), further=further, children=inside
        )
        others = tuple(
            Node(self.one_of(("text", "integer", REPEAT)), free_name(name, taken), self.kuid())
            for name in names
        )
        return (*others, first) if self.number(1) else (first, *others)

    def node(self, depth: int, taken: set[str]) -> Node:
        """A question, or a section with all that stands in it."""
        if depth < DEEPEST and self.number(3) == 3:
            return self.section(depth, taken)
        return self.question(taken)

    def section(self, depth: int, taken: set[str]) -> Node:
        """A group, repeat, matrix, rank or score."""
        kind = self.one_of(_SECTIONS)
        name = self.name(taken)
        if kind in (GROUP, REPEAT):
            further = self.one_of(_COUNTS) if kind == REPEAT else {}
            children = self.nodes(depth + 1, 5 - depth)
        else:
            key = {
                MATRIX: "kobo--matrix_list",
                RANK: "kobo--rank-items",
                SCORE: "kobo--score-choices",
            }[kind]
            further = {key: self.one_of(self._lists)}
            types = {MATRIX: IN_A_MATRIX, RANK: ("rank__level",), SCORE: ("score__row",)}[kind]
            names = set[str]()
            children = tuple(self.question(names, types) for _ in range(self.number(3, least=1)))
        return Node(
            kind, name, self.kuid(), self.label(), None, self.number(SPELLINGS - 1), further, children
        )

    def question(self, taken: set[str], types: Sequence[str] = QUESTIONS) -> Node:
        """A question, or a row that asks nothing, such as a note."""
        return self.retyped(Node("text", self.name(taken), self.kuid(), self.label()), types)

    def retyped(self, node: Node, types: Sequence[str] = QUESTIONS) -> Node:
        """The question as one of another type."""
        chosen = self.one_of(types)
        list_name, further = None, self.one_of(_FURTHER.get(chosen, ({},)))
        if chosen in FROM_FILES:
            list_name = self.one_of(("cities.csv", "fruits.xml"))
        elif chosen == "select_one" and not further and self.number(9) == 9:
            list_name = "${members_name}"
        elif chosen in (*SELECTS_ONE, *SELECTS_MANY):
            list_name = self.one_of(self._lists)
        spelling = self.number(SPELLINGS - 1)
        return Node(chosen, node.name, node.kuid, node.label, list_name, spelling, further)

    def items(self, most: int = 4) -> tuple[Item, ...]:
        """The choices of a list, each value once."""
        drawn = self._draw(st.lists(CHOICES, max_size=most))
        items = [Item(name, self.label()) for name in drawn]
        return tuple({item.value: item for item in items}.values())

    def languages(self) -> tuple[str | None, ...]:
        """None at all, the one without a name, or up to three."""
        count = self.number(4)
        if count < 2:
            return ((None,), ())[count]
        return tuple(self._draw(st.permutations((None, *LANGUAGES)))[: count - 1])
