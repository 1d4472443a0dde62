"""Mutations: what becomes of a form from one version to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.support.forms import texts
from tests.support.forms.content import SPELLINGS
from tests.support.forms.drawing import DEEPEST, Drawing
from tests.support.forms.names import free_name
from tests.support.forms.tree import GROUP, LANGUAGES, MATRIX, REPEAT, Node, Tree
from tests.support.forms.types import IN_A_MATRIX, QUESTIONS

Address = tuple[int, ...]


def mutated(tree: Tree, drawing: Drawing) -> Tree:
    """The form with one change; where it has nothing that could change so, it stays as it is."""
    return drawing.one_of(CHANGES)(tree, drawing)


def _add(tree: Tree, drawing: Drawing) -> Tree:
    return _insert(tree, drawing, drawing.node)


def _remove(tree: Tree, drawing: Drawing) -> Tree:
    addresses = [address for address, _ in tree.walk() if len(address) > 1 or len(tree.nodes) > 1]
    return tree.with_node(drawing.one_of(addresses)) if addresses else tree


def _rename(tree: Tree, drawing: Drawing) -> Tree:
    address = _any(tree, drawing)
    if address is None:
        return tree
    taken = {node.name for node in tree.siblings(address)}
    return tree.with_node(address, replace(tree.at(address), name=drawing.name(taken)))


def _move(tree: Tree, drawing: Drawing) -> Tree:
    """Move a question or a section, under its name unless a new sibling has it."""
    addresses = [address for address, _ in tree.walk() if _is_free(tree, address)]
    if not addresses or len(tree.nodes) < 2:
        return tree
    address = drawing.one_of(addresses)
    node = tree.at(address)
    without = tree.with_node(address)

    def moved(depth: int, taken: set[str]) -> Node | None:
        fits = depth + _height(node) <= DEEPEST
        return replace(node, name=free_name(node.name, taken)) if fits else None

    return _insert(without, drawing, moved, unless=tree)


def _retype(tree: Tree, drawing: Drawing) -> Tree:
    addresses = [address for address, node in tree.walk() if node.type in QUESTIONS]
    if not addresses:
        return tree
    address = drawing.one_of(addresses)
    in_matrix = len(address) > 1 and tree.at(address[:-1]).type == MATRIX
    types = IN_A_MATRIX if in_matrix else QUESTIONS
    return tree.with_node(address, drawing.retyped(tree.at(address), types))


def _outgrow(tree: Tree, drawing: Drawing) -> Tree:
    """Ask a number in words, beside a new question that is named as its further column would be."""
    addresses = [
        address
        for address, node in tree.walk()
        if node.type in ("integer", "decimal", "datetime") and _is_free(tree, address)
    ]
    if not addresses:
        return tree
    address = drawing.one_of(addresses)
    node, taken = tree.at(address), {sibling.name for sibling in tree.siblings(address)}
    wider = replace(node, type=drawing.one_of(("decimal", "text", "geopoint")), spelling=0, further={})
    name = node.name + drawing.one_of(("__text", "__decimal", "__Te\u0301xt"))
    lookalike = Node("text", free_name(name, taken), drawing.kuid())
    return tree.with_node(address, *((wider, lookalike) if drawing.number(1) else (lookalike, wider)))


def _change_choices(tree: Tree, drawing: Drawing) -> Tree:
    name = drawing.one_of(tuple(tree.lists))
    items = {item.value: item for item in (*drawing.items(2), *tree.lists[name])}
    kept = tuple(items.values())[drawing.number(1) :]
    return replace(tree, lists={**tree.lists, name: kept[::-1] if drawing.number(1) else kept})


def _group_or_repeat(tree: Tree, drawing: Drawing) -> Tree:
    addresses = [address for address, node in tree.walk() if node.type in (GROUP, REPEAT)]
    if not addresses:
        return tree
    address = drawing.one_of(addresses)
    node = tree.at(address)
    other = REPEAT if node.type == GROUP else GROUP
    return tree.with_node(address, replace(node, type=other, further={}))


def _question_or_section(tree: Tree, drawing: Drawing) -> Tree:
    """Let a question become a section of its name with other questions, or a section a question."""
    addresses = [address for address, _ in tree.walk() if _is_free(tree, address)]
    if not addresses:
        return tree
    address = drawing.one_of(addresses)
    node = tree.at(address)
    if node.is_section:
        return tree.with_node(address, drawing.retyped(replace(node, children=(), further={})))
    if len(address) > DEEPEST:
        return tree
    inside = drawing.nodes(len(address), 2)
    section = Node(drawing.one_of((GROUP, REPEAT)), node.name, node.kuid, node.label, None, 0, {}, inside)
    return tree.with_node(address, section)


def _wrap(tree: Tree, drawing: Drawing) -> Tree:
    """Put a row into a new section, which changes the path of all in it."""
    addresses = [
        address
        for address, node in tree.walk()
        if _is_free(tree, address) and len(address) - 1 + _height(node) < DEEPEST
    ]
    if not addresses:
        return tree
    address = drawing.one_of(addresses)
    taken = {node.name for node in tree.siblings(address)}
    kind, name = drawing.one_of((GROUP, REPEAT)), drawing.name(taken)
    around = Node(kind, name, drawing.kuid(), drawing.label(), children=(tree.at(address),))
    return tree.with_node(address, around)


def _unwrap(tree: Tree, drawing: Drawing) -> Tree:
    addresses = [address for address, node in tree.walk() if node.type in (GROUP, REPEAT) and node.children]
    if not addresses:
        return tree
    address = drawing.one_of(addresses)
    taken = {node.name for node in tree.siblings(address)} - {tree.at(address).name}
    inside = [replace(child, name=free_name(child.name, taken)) for child in tree.at(address).children]
    return tree.with_node(address, *inside)


def _reorder(tree: Tree, drawing: Drawing) -> Tree:
    address = _any(tree, drawing)
    if address is None:
        return tree
    return tree.with_siblings(
        address, lambda nodes: (*nodes[1:], nodes[0]) if len(nodes) > 2 else nodes[::-1]
    )


def _relabel(tree: Tree, drawing: Drawing) -> Tree:
    address = _any(tree, drawing)
    if address is None:
        return tree
    node = tree.at(address)
    return tree.with_node(address, replace(node, label=drawing.number(texts.MOST)))


def _respell(tree: Tree, drawing: Drawing) -> Tree:
    """Change nothing but how a row is spelt, and its kuid, as another upload of the same spreadsheet does."""
    address = _any(tree, drawing)
    if address is None:
        return tree
    spelling, kuid = drawing.number(SPELLINGS - 1), drawing.kuid()
    return tree.with_node(address, replace(tree.at(address), spelling=spelling, kuid=kuid))


def _change_languages(tree: Tree, drawing: Drawing) -> Tree:
    return replace(tree, languages=drawing.languages())


def _relabel_choices(tree: Tree, drawing: Drawing) -> Tree:
    name = drawing.one_of(tuple(tree.lists))
    items = tuple(replace(item, label=drawing.label()) for item in tree.lists[name][::-1])
    return replace(tree, lists={**tree.lists, name: items})


def _add_choice(tree: Tree, drawing: Drawing) -> Tree:
    name = drawing.one_of(tuple(tree.lists))
    items = {item.value: item for item in (*tree.lists[name], *drawing.items(2))}
    return replace(tree, lists={**tree.lists, name: tuple(items.values())})


def _remove_choice(tree: Tree, drawing: Drawing) -> Tree:
    name = drawing.one_of(tuple(tree.lists))
    return replace(tree, lists={**tree.lists, name: tree.lists[name][1:]})


def _add_language(tree: Tree, drawing: Drawing) -> Tree:
    others = [language for language in LANGUAGES if language not in tree.languages]
    return replace(tree, languages=(*tree.languages, drawing.one_of(others))) if others else tree


def _remove_language(tree: Tree, drawing: Drawing) -> Tree:
    return replace(tree, languages=tree.languages[1:] or tree.languages)


def relabelled(tree: Tree, drawing: Drawing) -> Tree:
    """The form with another order, other labels, languages and spellings: it asks what it asked before."""
    changes = (_relabel, _respell, _change_languages, _relabel_choices, _reorder)
    for _ in range(drawing.number(4, least=1)):
        tree = drawing.one_of(changes)(tree, drawing)
    return tree


CHANGES: tuple[Callable[[Tree, Drawing], Tree], ...] = (
    _add,
    _remove,
    _rename,
    _move,
    _retype,
    _outgrow,
    _change_choices,
    _group_or_repeat,
    _question_or_section,
    _wrap,
    _unwrap,
    _reorder,
    _relabel,
    _respell,
    _change_languages,
)
ALL_CHANGES = (*CHANGES, _relabel_choices, _add_choice, _remove_choice, _add_language, _remove_language)
"""Twenty: also those that :data:`CHANGES` has as a part of others."""


def _any(tree: Tree, drawing: Drawing) -> Address | None:
    addresses = [address for address, _ in tree.walk()]
    return drawing.one_of(addresses) if addresses else None


def _is_free(tree: Tree, address: Address) -> bool:
    """Whether the row may stand elsewhere: it is no column of a matrix, level of a rank or row of a score."""
    return len(address) == 1 or tree.at(address[:-1]).type in (GROUP, REPEAT)


def _height(node: Node) -> int:
    """How many sections stand in each other from a node on."""
    return (1 + max((_height(child) for child in node.children), default=0)) if node.is_section else 0


def _insert(
    tree: Tree,
    drawing: Drawing,
    make: Callable[[int, set[str]], Node | None],
    unless: Tree | None = None,
) -> Tree:
    """The tree with a node more at the top or in a group or repeat; another one if it cannot be made."""
    places: list[Address] = [()]
    places += [address for address, node in tree.walk() if node.type in (GROUP, REPEAT)]
    place = drawing.one_of(places)
    siblings = tree.at(place).children if place else tree.nodes
    node = make(len(place), {sibling.name for sibling in siblings})
    if node is None:
        return unless or tree
    at = drawing.number(len(siblings))
    nodes = (*siblings[:at], node, *siblings[at:])
    return (
        tree.with_node(place, replace(tree.at(place), children=nodes))
        if place
        else replace(tree, nodes=nodes)
    )
