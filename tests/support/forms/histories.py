"""Histories: forms as they are first deployed, and each as it becomes in version after version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from hypothesis import strategies as st

from tests.support.forms.asked import Asked, asked_in, repeats_in
from tests.support.forms.content import content_of
from tests.support.forms.drawing import Drawing
from tests.support.forms.mutations import ALL_CHANGES, mutated, relabelled
from tests.support.forms.names import LIST_NAMES
from tests.support.forms.tree import LANGUAGES, Tree
from tests.support.forms.wide import SIZES, wide_block

_SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"instance_name": "concat(${name}, '-', ${age})"},
    {"default_language": "English (en)", "id_string": "survey", "version": "3 (2026)"},
)
_ONE_IN = 40  # forms that are wide


@dataclass(frozen=True)
class Deployed:
    """A deployed version of a form.

    :param uid: of the version.
    """

    uid: str
    tree: Tree

    @cached_property
    def content(self) -> dict[str, Any]:
        """What ``/versions/{uid}/`` shows under ``content``."""
        return content_of(self.tree)

    @cached_property
    def asked(self) -> dict[str, Asked]:
        """Its questions by their paths."""
        return asked_in(self.tree)

    @cached_property
    def repeats(self) -> tuple[str, ...]:
        """The paths of its repeats."""
        return repeats_in(self.tree)


@st.composite
def trees(draw: st.DrawFn, *, most: int = 12, wide: bool | None = None) -> Tree:
    """A form.

    :param most: rows at the top.
    :param wide: it has at least 60 questions; None: one in 40 has.
    """
    drawing = Drawing(draw)
    nodes = drawing.nodes(0, most)
    if wide is None:
        wide = drawing.number(_ONE_IN) == _ONE_IN
    if wide:
        taken = {node.name for node in nodes}
        types = [drawing.question(set()) for _ in range(drawing.number(3, least=1))]
        block = wide_block(drawing.one_of(SIZES), types, drawing.number(3))
        nodes += tuple(node for node in block if node.name not in taken)
    lists = {name: drawing.items() for name in LIST_NAMES}
    return Tree(nodes, lists, drawing.languages(), drawing.one_of(_SETTINGS))


@st.composite
def mutations(draw: st.DrawFn, tree: Tree, version: int = 2, *, most: int = 3) -> Tree:
    """The next version of a form.

    :param version: its number.
    :param most: changes.
    """
    drawing = Drawing(draw, version, tuple(tree.lists))
    for _ in range(drawing.number(most, least=1)):
        tree = mutated(tree, drawing)
    return tree


@st.composite
def relabelled_versions(draw: st.DrawFn, deployed: Deployed, uid: str) -> Deployed:
    """A next version that asks the same in another order, with other labels, languages and spellings.

    :param uid: of the next version.
    """
    return Deployed(uid, relabelled(deployed.tree, Drawing(draw, 99, tuple(deployed.tree.lists))))


@st.composite
def histories(
    draw: st.DrawFn, *, versions: int = 4, most: int = 12, changes: int = 3, wide: bool | None = None
) -> Sequence[Deployed]:
    """The deployed versions of a form, in the order of their numbers.

    :param versions: how many at most.
    :param most: rows at the top of the first one.
    :param changes: from one version to the next, at most.
    :param wide: as :func:`trees` takes it.
    """
    tree = draw(trees(most=most, wide=wide))
    found = [Deployed("v1", tree)]
    for number in range(2, draw(st.integers(min(2, versions), versions)) + 1):
        tree = draw(mutations(tree, number, most=changes))
        found.append(Deployed(f"v{number}", tree))
    return tuple(found)


@st.composite
def all_changes(draw: st.DrawFn, *, most: int = 6) -> Sequence[Deployed]:
    """The versions of a form in three languages that meets each of twenty changes, in any order.

    :param most: rows at the top of the first one.
    """
    tree = replace(draw(trees(most=most, wide=False)), languages=tuple(draw(st.permutations(LANGUAGES))[:3]))
    found = [Deployed("v1", tree)]
    for number, change in enumerate(draw(st.permutations(ALL_CHANGES)), 2):
        tree = change(tree, Drawing(draw, number, tuple(tree.lists)))
        found.append(Deployed(f"v{number}", tree))
    return tuple(found)
