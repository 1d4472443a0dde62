"""The tables of a form: have those made that its versions need, and note what waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from kobo_mirror.config.names_lock import LockedForm
from kobo_mirror.database.engine import read, reading, transact
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.kobo.form import FormInfo, KoboClient
from kobo_mirror.store.altered_tables import retyped, told_of
from kobo_mirror.store.applied_tables import is_applied
from kobo_mirror.store.applying import NamedForm, Steps
from kobo_mirror.store.binding_checks import bind, check_binding
from kobo_mirror.store.bindings import raise_epochs
from kobo_mirror.store.forgetting import forget_empty_form, require_free
from kobo_mirror.store.form_notes import Told, note_refresh
from kobo_mirror.store.form_schemas import StoredForm, stored_form
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.let_go import require_kept_since
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.store.postponing import Postponed, apply_or_postpone
from kobo_mirror.store.promotion import finish_growth
from kobo_mirror.store.schema import migrate, require_tables
from kobo_mirror.store.views import bring_up_views
from kobo_mirror.sync.form_versions import find_versions, keep
from kobo_mirror.sync.outlook import Outlook, Planner


@dataclass(frozen=True)
class FormTables:
    """Makes the tables of one form, and keeps them up with its versions.

    :param engine: the database.
    :param client: the form's client.
    :param server: the server's address as ``config.server_url`` spells it.
    :param wanted: what ``kobo.yml`` asks for its tables.
    :param form: mirror the form into this declared table alone, as version 0.1 did; None: into the tables
        that its versions need.
    :param lock: the names that ``names.lock.yml`` has of the form.
    :param among_others: the form may be a further one of a database that mirrors others.
    :param chosen_at: when the form was chosen, as for ``require_kept_since``.
    """

    engine: Engine
    client: KoboClient
    server: str
    wanted: WantedForm = field(default_factory=WantedForm)
    form: Form | None = None
    lock: LockedForm | None = None
    among_others: bool = False
    chosen_at: datetime | None = None

    @property
    def _alone(self) -> Mirror | None:
        return Mirror(self.form, self.server, self.client.form_key) if self.form else None

    def as_they_are(self) -> Mirror:
        """Return the form with the tables that it has now.

        :raises SchemaError: the database mirrors another form.
        """
        return self._alone or self._load()

    def _load(self) -> Mirror:
        return load_mirror(self.engine, self.server, self.client.form_key, among_others=self.among_others)

    def check(self) -> None:
        """Refuse a database that mirrors another form, unless it may, or nothing of that was ever stored.

        :raises SchemaError: it mirrors another form, or lacks tables of ours.
        :raises LetGoError: the form was let go, or dropped, after it was chosen.
        """
        if self._alone:
            check_binding(self.engine, self._alone, may_rebind_if_empty=True)
        else:
            require_tables(self.engine, derived=False)
            if self.among_others:
                self._load()
            else:
                require_free(self.engine, self.server, self.client.form_key)
        self._require_kept()

    def _require_kept(self) -> None:
        read(self.engine, lambda found: require_kept_since(found, self.client.form_key, self.chosen_at))

    def take_place(self) -> None:
        """Take the place of another form of which nothing was ever stored, or one beside other forms.

        :raises SchemaError: the database mirrors another form.
        """
        if self._alone:
            bind(self.engine, self._alone, may_rebind_if_empty=True)
        elif not self.among_others:
            forget_empty_form(self.engine, self.server, self.client.form_key)

    def bring_up(self, info: FormInfo, lease: Lease, *, may_read_all: bool = True) -> Mirror:
        """Make the tables that the form's versions need, as far as no person must decide. Safe to repeat.

        A mirror that version 0.1 made keeps its one table until then: people who may read it today would see
        every other answer. Versions are asked for only where another one is deployed than before. What the
        database refuses waits, and the form goes on with the tables that it has.

        :param info: the form's description.
        :param lease: the right to pull the form.
        :param may_read_all: False: steps that make the whole form be read anew wait for another run.
        :returns: the form with its tables.
        :raises DefinitionError, CredentialsError, RequestError: the form has no versions that can be read.
        :raises SchemaError: a table cannot be made for a form that has none; the next call goes on.
        :raises LeaseError: another sync has the form.
        :raises LetGoError: the form was let go, or dropped, after it was chosen.
        """
        self._require_kept()  # it stays so: the form is dropped under the lease alone
        if self._alone:
            return self._alone
        stored = self._stored()
        self._check_wishes(stored)
        is_alone = stored is not None and self._planner(lease).is_declared_alone(stored)
        has_tables = is_alone or (stored is not None and stored.schema is not None)
        found = find_versions(self.engine, self.client, stored, info, must_have=not has_tables)
        keep(self.engine, found, lease)
        if is_alone:
            bind(self.engine, Mirror(FORM, self.server, self.client.form_key))
        outlook = self._planner(lease).outlook(stored, info, found, may_read_all=may_read_all)
        refused = self._apply(stored, outlook, info, lease)
        mirror = self._load()
        if mirror.schema is not None:
            finish_growth(self.engine, mirror.schema, lease)
            bring_up_views(self.engine, mirror.schema, lease, self.wanted.views)
        if outlook.rejects_moved_answers:
            transact(self.engine, lambda connection: raise_epochs(connection, mirror.table))
        told = Told(
            info.name,
            info.deployed_version_id,
            unread=found.error,
            refused=refused,
            altered=self._altered(mirror),
            schedules=self.wanted.schedules,
        )
        note_refresh(self.engine, lease, told, outlook.waiting, self.chosen_at)
        return mirror

    def _altered(self, mirror: Mirror) -> str | None:
        if mirror.schema is None:
            return None
        with reading(self.engine) as connection:
            return told_of(retyped(connection, mirror.schema))

    def plan(self, info: FormInfo, *, may_read_all: bool = True) -> Outlook:
        """Return what the next sync does with the form's tables; nothing is changed.

        :param info: the form's description.
        :param may_read_all: as for :meth:`bring_up`.
        :raises DefinitionError, CredentialsError, RequestError: the form has no versions that can be read.
        :raises SchemaError: the database mirrors another form, or lacks tables of ours.
        """
        self.check()
        stored = self._stored()
        self._check_wishes(stored)
        found = find_versions(self.engine, self.client, stored, info, must_have=True)
        return self._planner(None).outlook(stored, info, found, may_read_all=may_read_all)

    def _planner(self, lease: Lease | None) -> Planner:
        return Planner(self.engine, self.client, self.wanted, lease, self.lock)

    def _check_wishes(self, stored: StoredForm | None) -> None:
        """Refuse another name for the table of a form that has one."""
        if stored is None:
            return
        if self.wanted.table not in (None, stored.table):
            raise self.wanted.refusal(
                f"the form has the table {stored.table} already, and a table is never renamed: write that "
                "name, or use another database.",
                "table",
            )

    def _apply(self, stored: StoredForm | None, outlook: Outlook, info: FormInfo, lease: Lease) -> str | None:
        """Apply what may be applied; return why the database refuses it, for a form that goes on without."""
        target = outlook.proposal.target
        schema = target.as_read_now() if target else None
        if schema is None or (stored and stored.schema == schema and is_applied(self.engine, stored)):
            return None
        if schema.declared:
            migrate(self.engine, FORM)
            bind(self.engine, Mirror(FORM, self.server, self.client.form_key), intended=schema)
        form, steps = NamedForm(self.server, info.name), Steps(outlook.proposal.done, outlook.policy)
        applied = apply_or_postpone(self.engine, schema, form, lease, steps)
        return applied.sentence if isinstance(applied, Postponed) else None

    def _stored(self) -> StoredForm | None:
        with reading(self.engine) as connection:
            return stored_form(connection, self.client.form_key)
