"""Any form, in any number of versions: what must hold of its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.forms.declared_form import Column, Form, Kind
from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive, grow
from kobo_mirror.forms.form_schema import FormSchema
from tests.support.forms import judging
from tests.support.forms.asked import HIDDEN
from tests.support.forms.histories import Deployed, histories, relabelled_versions, trees
from tests.support.forms.names import FORM_NAMES
from tests.support.forms.submissions import submissions
from tests.support.forms.tree import GROUP, Node, Tree

FEW = settings(max_examples=30, deadline=None)
MANY = settings(max_examples=4_000, deadline=None)
DECLARED = Form("visits", (Column("age", "hh/age", Kind.INTEGER), Column("name", "name")))


def check(versions: Sequence[Deployed], name: str) -> None:
    schemas = judging.grown(versions, name)
    for before, after in pairwise(schemas):
        judging.check_growth(before, after)
        same_shape = judging.shape_of(before) == judging.shape_of(after)
        assert same_shape == (before.fingerprint == after.fingerprint)
    for number, schema in enumerate(schemas[1:], 1):
        judging.check_questions(schema, versions[:number])
        judging.check_repeats(schema, versions[:number])
        judging.check_positions(schema, versions[number - 1])
        judging.check_choices(schema, versions[:number])
    judging.check_names(schemas[-1])
    judging.check_budget(schemas[-1])


@given(histories(), FORM_NAMES)
@FEW
def test_every_history_keeps_the_contract(versions: Sequence[Deployed], name: str) -> None:
    check(versions, name)


@pytest.mark.long
@given(histories(versions=8), FORM_NAMES)
@MANY
def test_every_long_history_keeps_the_contract(versions: Sequence[Deployed], name: str) -> None:
    check(versions, name)


@pytest.mark.long
@given(histories(versions=3, wide=True), FORM_NAMES)
@settings(MANY, max_examples=200)
def test_wide_forms_keep_the_contract(versions: Sequence[Deployed], name: str) -> None:
    check(versions, name)


@given(histories())
@FEW
def test_deriving_from_nothing_is_growing_version_by_version(versions: Sequence[Deployed]) -> None:
    read = [read_version(version.uid, version.content) for version in versions]
    derived = [derive(judging.UID, "Survey", read[:number]) for number in range(len(read) + 1)]
    assert derived == judging.grown(versions) == judging.grown(versions, through_json=True)
    assert [grow(derived[-1], version) for version in read] == [derived[-1]] * len(read)


@given(st.data())
@FEW
def test_labels_order_and_spelling_change_no_shape(data: st.DataObject) -> None:
    versions = data.draw(histories(versions=2))
    again = data.draw(relabelled_versions(versions[-1], "again"))
    before, after = judging.grown([*versions, again])[-2:]
    assert after.fingerprint == before.fingerprint
    assert judging.shape_of(after) == judging.shape_of(before)
    judging.check_positions(after, again)
    judging.check_questions(after, [*versions, again])


@given(st.data())
@FEW
def test_every_answer_of_any_version_is_explained(data: st.DataObject) -> None:
    versions = data.draw(histories(versions=3))
    schema = judging.grown(versions)[-1]
    document = data.draw(submissions(data.draw(st.sampled_from(versions))))
    for path, is_list in _keys(document):
        if is_list:
            assert path in schema.repeats
        else:
            home = judging.table_of(schema, judging.chain_of(path, set(schema.repeats)))
            assert len(judging.columns_of(home, path)) == 1, path


def _keys(row: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """The keys of a submission that are not the server's, and whether each is a list of rows."""
    for path, value in row.items():
        if path in HIDDEN:
            continue
        yield path, isinstance(value, list)
        for inside in value if isinstance(value, list) else ():
            yield from _keys(inside)


@given(trees(), trees())
@FEW
def test_beside_a_declared_table_are_all_other_questions(one: Tree, other: Tree) -> None:
    versions = [Deployed(uid, _with_declared(tree)) for uid, tree in (("v1", one), ("v2", other))]
    read = [read_version(version.uid, version.content) for version in versions]
    schema = derive(judging.UID, "ignored", read, form=DECLARED)
    root, declared, *_ = schema.tables
    assert (root.name, declared.name) == ("visits__rest", "visits")
    assert [c.name for c in declared.columns] == ["id", "age", "name", "inserted_at", "updated_at"]
    assert schema.declared == {"hh/age": "age", "name": "name"}
    repeats = judging.repeats_of(versions)
    for path in {path for version in versions for path in version.asked}:
        chain = judging.chain_of(path, repeats)
        wanted = 0 if path in schema.declared and not chain else 1
        assert len(judging.columns_of(judging.table_of(schema, chain), path)) == wanted, path
    judging.check_budget(schema)
    assert FormSchema.from_json(schema.to_json()) == schema


def _with_declared(tree: Tree) -> Tree:
    """The form with the declared questions before its own."""
    names = {node.name for node in tree.nodes}
    wanted = (Node(GROUP, "hh", children=(Node("integer", "age"),)), Node("text", "name"))
    return replace(tree, nodes=(*(node for node in wanted if node.name not in names), *tree.nodes))
