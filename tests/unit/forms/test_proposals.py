"""Any history of a form whose questions get types by ``kobo.yml``: what is proposed, and what waits."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.config.forms_file import FormEntry
from kobo_mirror.config.policies import POLICIES
from kobo_mirror.forms.compare import lacking
from kobo_mirror.forms.definition import Version, read_version
from kobo_mirror.forms.derive import nothing_yet
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.locked_names import NO_NAMES
from kobo_mirror.forms.overrides import with_types
from kobo_mirror.forms.proposal import Permission, Wishes, propose, propose_first
from kobo_mirror.forms.question_types import Kind, is_file, is_point
from kobo_mirror.forms.wanted import KINDS, WantedForm
from tests.support.forms.histories import histories
from tests.support.forms.judging import UID
from tests.support.forms.surveys import ask, group, repeat

Drawn = tuple[list[Version], dict[str, Kind], int]
FEW = settings(max_examples=15, deadline=None)
MANY = settings(max_examples=150, deadline=None)


def asking(types: dict[str, Kind]) -> WantedForm:
    lines = {("types", path): number for number, path in enumerate(types, 4)}
    return WantedForm(types=types, entry=FormEntry(lines=lines))


def wishes_of(versions: Sequence[Version], types: dict[str, Kind]) -> Wishes:
    asked = {question.path for version in versions for question in version.questions}
    wanted = asking({path: kind for path, kind in types.items() if path in asked})
    return Wishes([with_types(version, wanted) for version in versions], wanted, NO_NAMES)


def proposed(before: FormSchema, wishes: Wishes, policy: str) -> FormSchema:
    """Take what is proposed as a sync does, then what waits as a person's approval does."""
    found = propose(before, before, wishes, Permission(policy))
    assert found.target is not None
    assert lacking(before, found.target) == []
    again = propose(found.target, found.target, wishes, Permission(policy))
    assert (again.target, again.waiting) == (found.target, found.waiting)
    if found.waiting is None:
        return found.target
    approving = Permission(policy, approved=found.waiting.digest)
    approved = propose(found.target, found.target, wishes, approving)
    assert approved.target is not None
    assert approved.waiting is None
    assert lacking(found.target, approved.target) == []
    return found.target


def check(versions: Sequence[Version], types: dict[str, Kind], since: int) -> None:
    """Try each policy; the types are wanted once there are more versions than ``since``."""
    for policy in POLICIES:
        wishes = wishes_of(versions[:1], {})
        schema = propose_first(nothing_yet(UID, "Form"), wishes, Permission(policy), holds_rows=False).target
        assert schema is not None
        for count in range(1, len(versions) + 1):
            wanted = types if count > since else {}
            schema = proposed(schema, wishes_of(versions[:count], wanted), policy)


@pytest.mark.parametrize("since", [0, 1, 2])
def test_a_type_for_a_question_whose_group_becomes_a_repeat(since: int) -> None:
    surveys = [around("people", ask("integer", "age")) for around in (group, repeat, repeat)]
    versions = [read_version(f"v{number}", {"survey": rows}) for number, rows in enumerate(surveys)]
    check(versions, {"people/age": Kind.DECIMAL}, since)


@st.composite
def typed(draw: st.DrawFn, versions: int) -> Drawn:
    """A history, some types for its questions, and since which version they are wanted."""
    deployed = draw(histories(versions=versions))
    every = [(path, asked.type) for version in deployed for path, asked in version.asked.items()]
    paths = {path for path, _ in every} - {path for path, kind in every if is_point(kind) or is_file(kind)}
    some = st.sampled_from(sorted(paths)) if paths else st.nothing()
    types = draw(st.dictionaries(some, st.sampled_from(KINDS), max_size=4 if paths else 0))
    read = [read_version(one.uid, one.content) for one in deployed]
    return read, types, draw(st.integers(0, versions))


@given(typed(versions=4))
@FEW
def test_what_is_proposed_can_be_applied(drawn: Drawn) -> None:
    check(*drawn)


@pytest.mark.long
@given(typed(versions=7))
@MANY
def test_what_is_proposed_in_long_histories_can_be_applied(drawn: Drawn) -> None:
    check(*drawn)
