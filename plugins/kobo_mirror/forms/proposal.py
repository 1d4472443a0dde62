"""Proposal: what a form's versions and ``kobo.yml`` make of its tables now, and what of it waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kobo_mirror.config.policies import AUTO, REVIEW
from kobo_mirror.forms.definition import Version
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.holding_back import grow_up_to
from kobo_mirror.forms.locked_columns import with_locked_columns
from kobo_mirror.forms.locked_names import LockedNames
from kobo_mirror.forms.overrides import as_wanted, retype
from kobo_mirror.forms.plan import Care, Plan
from kobo_mirror.forms.plan_steps import plan_between
from kobo_mirror.forms.wanted import WantedForm


@dataclass(frozen=True)
class Proposal:
    """What is to become of a form's tables.

    :param target: the schema that is to be in force; None: the form has none, and gets none now.
    :param done: the plans that lead there from the schema in force, for the history.
    :param waiting: the plan from there to what all versions ask; None: nothing waits.
    """

    target: FormSchema | None
    done: tuple[Plan, ...] = ()
    waiting: Plan | None = None


@dataclass(frozen=True)
class Permission:
    """Which steps may be applied without a person.

    :param policy: what ``schema`` in ``kobo.yml`` says.
    :param may_read_all: the form may be read anew now.
    :param approved: the digest of a plan that a person has approved.
    """

    policy: str
    may_read_all: bool = True
    approved: bytes | None = None

    @property
    def care(self) -> Care | None:
        """The care that may be taken without asking; None: nothing may be done."""
        if self.policy == REVIEW:
            return None
        if self.policy == AUTO:
            return Care.CAREFUL
        return Care.COSTLY if self.may_read_all else Care.SAFE

    def allows(self, plan: Plan) -> bool:
        """Return True if this very list was approved, or needs no approval.

        :param plan: what waits.
        """
        return not plan.steps or self.policy == AUTO or plan.digest == self.approved


@dataclass(frozen=True)
class Wishes:
    """What the tables are made from.

    :param versions: of the form, in the order of their numbers, with the types that are wanted.
    :param wanted: what ``kobo.yml`` asks for.
    :param names: of tables and columns that are locked.
    """

    versions: Sequence[Version]
    wanted: WantedForm
    names: LockedNames


def propose_first(empty: FormSchema, wishes: Wishes, permission: Permission, *, holds_rows: bool) -> Proposal:
    """Return what becomes of a form that has no derived tables yet.

    :param empty: its tables before its first version, or those that an intention has already.
    :param wishes: what they are made from.
    :param permission: which steps may be applied.
    :param holds_rows: version 0.1 has filled its declared table.
    :raises ConfigurationError: ``kobo.yml`` asks for something that cannot be.
    """
    grown = grow_up_to(empty, wishes.versions, Care.CAREFUL, wishes.names).schema
    full = as_wanted(with_locked_columns(grown, wishes.names), wishes.wanted, wishes.names)
    plan = plan_between(None, full, holds_rows=holds_rows)
    if holds_rows and not permission.allows(plan):
        return Proposal(None, waiting=plan)
    return Proposal(full, (plan,))


def propose(in_force: FormSchema, newest: FormSchema, wishes: Wishes, permission: Permission) -> Proposal:
    """Return what becomes of a form that has derived tables.

    :param in_force: by which rows are shaped.
    :param newest: the schema that is being applied, if there is one; else the one in force.
    :param wishes: what they are made from.
    :param permission: which steps may be applied.
    :raises ConfigurationError: ``kobo.yml`` asks for something that cannot be.
    """
    wanted = _whole(newest, wishes)
    approved = _approved_from(newest, wanted, wishes, permission)
    target = approved or _up_to(newest, wanted, wishes, permission.care)
    full = _whole(target, wishes)
    known = {*in_force.versions, *in_force.partly}
    new = tuple(one.uid for one in wishes.versions if one.uid not in known)
    done = Plan(plan_between(in_force, target).steps, new)
    waiting = Plan(plan_between(target, full).steps, _bringing(target, wishes))
    if permission.allows(waiting):
        return Proposal(full, tuple(plan for plan in (done, waiting) if plan.steps))
    return Proposal(target, (done,) if done.steps else (), waiting)


def _whole(schema: FormSchema, wishes: Wishes) -> FormSchema:
    """Return the schema grown to all that is wanted; it has each column that the schema has."""
    grown = grow_up_to(schema, wishes.versions, Care.CAREFUL, wishes.names).schema
    return as_wanted(grown, wishes.wanted, wishes.names)


def _bringing(target: FormSchema, wishes: Wishes) -> tuple[str, ...]:
    """Return the versions that bring something that the schema does not have."""
    found, before = [], None
    for count, version in enumerate(wishes.versions, 1):
        if version.uid not in target.versions:
            whole = grow_up_to(target, wishes.versions[:count], Care.CAREFUL, wishes.names).schema
            steps = plan_between(target, whole).steps
            if steps and steps != before:
                found.append(version.uid)
            before = steps
    return tuple(found)


def _approved_from(
    newest: FormSchema, wanted: FormSchema, wishes: Wishes, permission: Permission
) -> FormSchema | None:
    """Return the schema from which the list leads on that was approved; None: no such list was.

    It was noticed by a run that might do more, or less, by itself than this one.
    """
    if permission.approved is None:
        return None
    schemas = (_up_to(newest, wanted, wishes, care) for care in (None, Care.SAFE, Care.COSTLY))
    plans = ((one, plan_between(one, _whole(one, wishes))) for one in schemas)
    return next((one for one, plan in plans if plan.digest == permission.approved), None)


def _up_to(newest: FormSchema, wanted: FormSchema, wishes: Wishes, care: Care | None) -> FormSchema:
    """Return the schema with what may be done without asking; ``wanted`` says which questions are joined."""
    if care is None:
        return newest
    grown = grow_up_to(newest, wishes.versions, care, wishes.names).schema
    if care is not Care.SAFE:
        grown = retype(grown, wishes.wanted, wishes.names)
    return replace(grown, joined=wanted.joined, apart=wanted.apart)
