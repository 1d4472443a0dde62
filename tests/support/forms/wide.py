"""Wide forms: hundreds of questions from a few numbers, since drawing each of them would take seconds."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.forms.tree import Node

SIZES = (60, 200, 400, 900, 1500)
_LEAVES = ("q{}", "a_rather_long_name_of_a_question_{}", "ጥያቄ_{}", "Q{}")


def wide_block(size: int, types: Sequence[Node], leaf: int) -> tuple[Node, ...]:
    """Questions that take turns in their types.

    :param size: how many.
    :param types: nodes whose types, lists and labels are taken.
    :param leaf: which kind of name they have.
    """
    name = _LEAVES[leaf % len(_LEAVES)]
    turns = [types[index % len(types)] for index in range(size)]
    return tuple(
        Node(node.type, name.format(index), f"w{index}", node.label, node.list_name, 0, node.further)
        for index, node in enumerate(turns)
    )
