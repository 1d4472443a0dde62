"""Proposal: what a form's versions make of its tables now, and what of it waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kobo_mirror.config.policies import AUTO, REVIEW
from kobo_mirror.forms.definition import Version
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.holding_back import grow_up_to
from kobo_mirror.forms.plan import Care, Plan, plan_between


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


def propose_first(
    empty: FormSchema, versions: Sequence[Version], permission: Permission, *, holds_rows: bool
) -> Proposal:
    """Return what becomes of a form that has no derived tables yet.

    :param empty: its tables before its first version, or those that an intention has already.
    :param versions: in the order of their numbers.
    :param permission: which steps may be applied.
    :param holds_rows: version 0.1 has filled its declared table.
    """
    full = grow_up_to(empty, versions, Care.CAREFUL).schema
    plan = plan_between(None, full, holds_rows=holds_rows)
    if holds_rows and not permission.allows(plan):
        return Proposal(None, waiting=plan)
    return Proposal(full, (plan,))


def propose(
    in_force: FormSchema, newest: FormSchema, versions: Sequence[Version], permission: Permission
) -> Proposal:
    """Return what becomes of a form that has derived tables.

    :param in_force: by which rows are shaped.
    :param newest: the schema that is being applied, if there is one; else the one in force.
    :param versions: in the order of their numbers.
    :param permission: which steps may be applied.
    """
    full = grow_up_to(newest, versions, Care.CAREFUL).schema
    care = permission.care
    target = newest if care is None else grow_up_to(newest, versions, care).schema
    waiting = plan_between(target, full)
    done = plan_between(in_force, target)
    if permission.allows(waiting):
        return Proposal(full, tuple(plan for plan in (done, waiting) if plan.steps))
    return Proposal(target, (done,) if done.steps else (), waiting)
