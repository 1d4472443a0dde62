"""Outlook: what a form's versions make of its tables, before anything is done about it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from kobo_mirror.config.names_lock import LockedForm
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import reading
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.declared_table import serves
from kobo_mirror.forms.definition import Version
from kobo_mirror.forms.derive import nothing_yet
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.locked_names import LockedNames
from kobo_mirror.forms.names_lock import locked_names, require_free_names
from kobo_mirror.forms.overrides import as_wanted, with_types
from kobo_mirror.forms.plan import What
from kobo_mirror.forms.proposal import Permission, Proposal, Wishes, propose, propose_first
from kobo_mirror.forms.taken_names import Holder, TakenNames
from kobo_mirror.forms.wanted import WantedForm, require_free_table
from kobo_mirror.kobo.form import FormInfo, KoboClient
from kobo_mirror.store import catalog
from kobo_mirror.store.form_notes import Waiting
from kobo_mirror.store.form_schemas import StoredForm
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.ledger import holds_any
from kobo_mirror.store.listings import bound_forms
from kobo_mirror.store.plans import open_plan
from kobo_mirror.sync.form_versions import FoundVersions
from kobo_mirror.sync.read_versions import read_versions


@dataclass(frozen=True)
class Outlook:
    """What is to become of a form's tables.

    :param policy: what ``schema`` in ``kobo.yml`` says.
    :param made_from: 16 bytes of all that it is derived from; None: something is to be applied first.
    :param is_news: the plan that waits was not noted yet.
    """

    proposal: Proposal
    policy: str
    made_from: bytes | None = None
    is_news: bool = False

    @property
    def rejects_moved_answers(self) -> bool:
        """True if a group of declared questions is newly seen to be a repeat, for which a person must decide.

        The server may have read stored answers by that version already, and as a list the declared table
        rejects them: nothing but reading all of them anew would tell.
        """
        plan, schema = self.proposal.waiting, self.proposal.target
        moves = plan is not None and any(step.what is What.MOVE for step in plan.steps)
        return self.is_news and moves and schema is not None and bool(schema.declared)

    @property
    def waiting(self) -> Waiting | None:
        """What is noted of the plan that waits."""
        plan = self.proposal.waiting
        return Waiting(plan, self.policy, self.made_from) if plan else None


@dataclass(frozen=True)
class Planner:
    """Derives the outlook of one form.

    :param engine: the database.
    :param client: the form's client.
    :param wanted: what ``kobo.yml`` asks for its tables.
    :param lease: the right to pull the form, which mends damaged versions; None: nothing is written.
    :param lock: the names that ``names.lock.yml`` has of the form.
    """

    engine: Engine
    client: KoboClient
    wanted: WantedForm
    lease: Lease | None
    lock: LockedForm | None = None

    @property
    def asset_uid(self) -> str:
        """The form key."""
        return self.client.form_key

    def outlook(
        self, stored: StoredForm | None, info: FormInfo, found: FoundVersions, *, may_read_all: bool
    ) -> Outlook:
        """Return what is to become of the tables; nothing is derived where nothing can have changed.

        :param stored: what ``kobo_forms`` has of the form.
        :param info: the form's description.
        :param found: its versions.
        :param may_read_all: False: steps that make the whole form be read anew wait.
        :raises ConfigurationError: ``kobo.yml`` asks for something that the form cannot have.
        """
        with reading(self.engine) as connection:
            known = open_plan(connection, self.asset_uid)
        permission = Permission(
            self.wanted.schema, may_read_all, known.plan.digest if known and known.approved_at else None
        )
        in_force = stored.schema if stored else None
        made_from = self._made_from(stored, found, permission)
        if stored is not None and stored.intended is None:
            if in_force is not None and self._has_all(in_force, found):
                return Outlook(Proposal(in_force), permission.policy)
            if known is not None and known.made_from == made_from:
                return Outlook(Proposal(in_force, waiting=known.plan), permission.policy, made_from)
        proposal = self._proposal(stored, info, found, permission)
        is_as_before = proposal.target == in_force  # else it is another one once that is applied
        waiting = proposal.waiting
        is_news = waiting is not None and (known is None or known.plan.digest != waiting.digest)
        return Outlook(proposal, permission.policy, made_from if is_as_before else None, is_news)

    def _made_from(self, stored: StoredForm | None, found: FoundVersions, permission: Permission) -> bytes:
        """Return 16 bytes of all that a plan is derived from."""
        newest = stored.newest if stored else None
        parts = (
            found.uids,
            newest.to_json().decode() if newest else None,
            (permission.policy, permission.may_read_all),
            permission.approved.hex() if permission.approved else None,
            sorted((path, kind.value) for path, kind in self.wanted.types.items()),
            (sorted(self.wanted.join.items()), self.wanted.apart),
            repr(self.lock),
        )
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).digest()

    def _proposal(
        self, stored: StoredForm | None, info: FormInfo, found: FoundVersions, permission: Permission
    ) -> Proposal:
        grown = stored.newest.versions if stored and stored.newest else ()
        plain = read_versions(self.engine, self.client, self.lease, grown, found.new)
        versions = [with_types(version, self.wanted) for version in plain]
        wishes = Wishes(versions, self.wanted, self._names)
        newest = stored.newest if stored else None
        if stored is not None and stored.schema is not None and newest is not None:
            return propose(stored.schema, newest, wishes, permission)
        is_alone = stored is not None and self.is_declared_alone(stored)
        empty = newest or self._first(stored, info, versions)
        return propose_first(empty, wishes, permission, holds_rows=is_alone)

    @property
    def _names(self) -> LockedNames:
        return locked_names(self.lock)

    def _has_all(self, schema: FormSchema, found: FoundVersions) -> bool:
        """Return True if a schema has all versions, and all that ``kobo.yml`` asks for."""
        is_whole = {*found.uids} <= {*schema.versions}
        return is_whole and as_wanted(schema, self.wanted, self._names) == schema

    def is_declared_alone(self, stored: StoredForm) -> bool:
        """Return True for a mirror of version 0.1: its table has rows, and it has no schema.

        :param stored: what ``kobo_forms`` has of the form.
        """
        if stored.newest is not None or stored.table != FORM.table:
            return False
        with reading(self.engine) as connection:
            return holds_any(connection, self.asset_uid)

    def _first(self, stored: StoredForm | None, info: FormInfo, versions: Sequence[Version]) -> FormSchema:
        """Return the tables that the form has before its first version."""
        taken = self._taken()
        is_declared = self._is_declared(stored, versions, taken)
        if self.lock is not None and stored is None:
            require_free_names(self.lock, self.wanted, taken, is_declared=is_declared)
        if is_declared:
            return nothing_yet(self.asset_uid, FORM.table, form=FORM, names=self._names)
        require_free_table(self.wanted, taken)
        name = self.wanted.table or info.name
        return nothing_yet(self.asset_uid, name, taken=taken.holders, names=self._names)

    def _is_declared(self, stored: StoredForm | None, versions: Iterable[Version], taken: TakenNames) -> bool:
        """Return True if the form has the declared table: it is bound to it, or asks all that it requires."""
        if stored is not None:
            return stored.table == FORM.table
        is_asked = self.wanted.table == FORM.table
        if not is_asked and (self.wanted.table or not self.wanted.may_be_declared):
            return False
        if problem := taken.why_another_has(FORM.table, "ask for another name"):
            if is_asked:
                raise self.wanted.refusal(problem, "table")
            return False
        paths = {question.path for version in versions for question in version.questions}
        is_served = serves(FORM, paths)
        if self.wanted.table and not is_served:
            raise self.wanted.refusal(
                f"the form lacks questions that the table {FORM.table} requires: ask for another name, or "
                "for none.",
                "table",
            )
        return is_served

    def _taken(self) -> TakenNames:
        """Return the names that this form cannot have: of others' tables and views, made or asked for."""
        with reading(self.engine) as connection:
            bound = bound_forms(connection)
            owners = {one.form_table: one.asset_uid for one in bound} | catalog.claimed_names(connection)
            there = {*dialect_of(connection).stored_tables(connection), *owners}
        servers = {one.asset_uid: one.server for one in bound}
        holders = dict.fromkeys(self.wanted.others, Holder(is_asked=True))
        for name in there:
            if (owner := owners.get(name, "")) != self.asset_uid:
                holders[name] = Holder(owner, servers.get(owner, ""))
        return TakenNames(holders, self.asset_uid, self.client.server.url, self.client.names.server)
