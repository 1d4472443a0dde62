"""The tables of a form: read its versions, and have the tables made that they need."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection, Engine

from kobo_mirror.config.forms_file import REVIEW
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import CredentialsError, DefinitionError, RequestError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.forms.declared_table import serves
from kobo_mirror.forms.definition import Version, read_version
from kobo_mirror.forms.derive import grow, nothing_yet
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.forms.overrides import differing_types, unused_types, with_types
from kobo_mirror.forms.wanted import WantedForm, require_free_table
from kobo_mirror.kobo.form import FormInfo, KoboClient
from kobo_mirror.kobo.versions import list_versions, new_contents, parse_content
from kobo_mirror.store import catalog
from kobo_mirror.store.applying import NamedForm, apply_schema, is_applied
from kobo_mirror.store.binding_checks import bind, check_binding
from kobo_mirror.store.forgetting import forget_empty_form, require_free
from kobo_mirror.store.form_notes import note_refresh, note_unread
from kobo_mirror.store.form_schemas import (
    StoredForm,
    stored_form,
)
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.ledger import holds_any
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.store.promotion import finish_growth
from kobo_mirror.store.schema import migrate, require_tables


@dataclass(frozen=True)
class FormTables:
    """Makes the tables of one form, and keeps them up with its versions.

    :param engine: the database.
    :param client: the form's client.
    :param server: the server's address as ``config.server_url`` spells it.
    :param wanted: what ``kobo.yml`` asks for its tables.
    :param form: mirror the form into this declared table alone, as version 0.1 did; None: into the tables
        that its versions need.
    """

    engine: Engine
    client: KoboClient
    server: str
    wanted: WantedForm = field(default_factory=WantedForm)
    form: Form | None = None

    @property
    def _alone(self) -> Mirror | None:
        return Mirror(self.form, self.server, self.client.asset_uid) if self.form else None

    def as_they_are(self) -> Mirror:
        """Return the form with the tables that it has now.

        :raises SchemaError: the database mirrors another form.
        """
        return self._alone or load_mirror(self.engine, self.server, self.client.asset_uid)

    def check(self) -> None:
        """Refuse a database that mirrors another form, unless nothing of that was ever stored.

        :raises SchemaError: it mirrors another form, or lacks tables of ours.
        """
        if self._alone:
            check_binding(self.engine, self._alone, may_rebind_if_empty=True)
        else:
            require_tables(self.engine, derived=False)
            require_free(self.engine, self.server, self.client.asset_uid)

    def take_place(self) -> None:
        """Take the place of another form of which nothing was ever stored.

        :raises SchemaError: the database mirrors another form.
        """
        if self._alone:
            bind(self.engine, self._alone, may_rebind_if_empty=True)
        else:
            forget_empty_form(self.engine, self.server, self.client.asset_uid)

    def bring_up(self, info: FormInfo, lease: Lease) -> Mirror:
        """Make the tables that the form's versions need. Safe to repeat.

        A mirror that version 0.1 made keeps its one table: whoever may read it today would see every other
        answer. Versions are asked for only where another one is deployed than before.

        :param info: the form's description.
        :param lease: the right to pull the form.
        :returns: the form with its tables.
        :raises DefinitionError, CredentialsError, RequestError: the form has no versions that can be read.
        :raises SchemaError: a table cannot be made; nothing was changed, or the next call goes on.
        :raises LeaseError: another sync has the form.
        """
        if self._alone:
            return self._alone
        stored = self._stored()
        if stored is not None and self._is_declared_alone(stored):
            mirror = Mirror(FORM, self.server, self.client.asset_uid)
            bind(self.engine, mirror)
            return mirror
        self._check_wishes(stored)
        error = self._keep_new_versions(stored, info, lease)
        unknown = self._unknown_to(stored)
        waits = bool(unknown) and self._are_reviewed(stored)
        if stored is None or (unknown and not waits) or not is_applied(self.engine, stored):
            self._apply(self._schema(stored, info, grows=not waits), info, lease)
        elif stored.schema is not None:
            self._check_types(stored.schema)
        mirror = load_mirror(self.engine, self.server, self.client.asset_uid)
        if mirror.schema is not None:
            finish_growth(self.engine, mirror.schema, lease)
        if error:
            note_unread(self.engine, lease, error)
        else:
            waiting = len(unknown) if waits else 0
            note_refresh(
                self.engine,
                lease,
                name=info.name,
                deployed_version=info.deployed_version_id,
                waiting=waiting,
            )
        return mirror

    def _check_wishes(self, stored: StoredForm | None) -> None:
        """Refuse another name for the table of a form that has one, and another type for a column."""
        if stored is None:
            return
        if self.wanted.table not in (None, stored.table):
            raise self.wanted.refusal(
                f"the form has the table {stored.table} already, and a table is never renamed: write that "
                "name, or use another database.",
                "table",
            )

        for path, _, kind in differing_types(stored.newest, self.wanted.types) if stored.newest else ():
            raise self.wanted.refusal(
                f"the column of {path} has the type {kind} already, and a type never changes: take this one "
                "out, or use another database.",
                "types",
                path,
            )

    def _check_types(self, schema: FormSchema) -> None:
        """Refuse a type of something that no version of the form asks."""
        for path in unused_types(schema, self.wanted.types):
            raise self.wanted.refusal(
                f"no version of the form asks {path}, or it is a group: write the path of a question, as "
                "in hh/members/age.",
                "types",
                path,
            )

    def _apply(self, schema: FormSchema, info: FormInfo, lease: Lease) -> None:
        if schema.declared:
            migrate(self.engine, FORM)
            bind(self.engine, Mirror(FORM, self.server, self.client.asset_uid), intended=schema)
        apply_schema(self.engine, schema, NamedForm(self.server, info.name), lease)

    def _are_reviewed(self, stored: StoredForm | None) -> bool:
        return self.wanted.schema == REVIEW and stored is not None and stored.schema is not None

    def _stored(self) -> StoredForm | None:
        with reading(self.engine) as connection:
            return stored_form(connection, self.client.asset_uid)

    def _is_declared_alone(self, stored: StoredForm) -> bool:
        """Return True for a mirror of version 0.1: its table was filled before versions were kept."""
        if stored.newest is not None or stored.table != FORM.table:
            return False
        asset = self.client.asset_uid
        with reading(self.engine) as connection:
            return holds_any(connection, asset) and not catalog.known_versions(connection, asset)

    def _keep_new_versions(self, stored: StoredForm | None, info: FormInfo, lease: Lease) -> str | None:
        """Keep the versions that are not known; return why a form with tables cannot read them."""
        asset = self.client.asset_uid
        with reading(self.engine) as connection:
            known = catalog.known_versions(connection, asset)
        newest = stored.newest if stored else None
        is_asked = stored is None or stored.deployed != info.deployed_version_id
        if newest is not None and not is_asked and {*newest.versions} <= {*known}:
            return None
        try:
            found = [
                catalog.FormVersion(
                    one.version.uid, one.version.deployed_at, one.version.content_hash, one.content
                )
                for one in new_contents(self.client, list_versions(self.client), known)
            ]
        except (DefinitionError, CredentialsError, RequestError) as error:
            if stored is None or stored.schema is None:
                raise
            return str(error)
        if found:
            transact(self.engine, partial(self._keep, versions=found, lease=lease))
        return None

    def _keep(self, connection: Connection, versions: Sequence[catalog.FormVersion], lease: Lease) -> None:
        check_lease(connection, lease)
        catalog.keep_versions(connection, self.client.asset_uid, versions)

    def _unknown_to(self, stored: StoredForm | None) -> list[str]:
        """Return the uids of the versions that the stored schema does not have."""
        with reading(self.engine) as connection:
            known = catalog.known_versions(connection, self.client.asset_uid)
        schema = stored.newest if stored else None
        return [uid for uid in known if schema is None or uid not in schema.versions]

    def _schema(self, stored: StoredForm | None, info: FormInfo, *, grows: bool) -> FormSchema:
        """Return the schema that all versions need, grown from the one that is stored.

        :param grows: False: the one that is stored stays as it is.
        """
        schema = stored.newest if stored else None
        if schema is not None and not grows:
            return schema
        with reading(self.engine) as connection:
            kept = catalog.kept_versions(connection, self.client.asset_uid)
        versions = [read_version(one.uid, parse_content(one.content)) for one in kept]
        if schema is None:
            schema = self._first(stored, info, versions)
        for version in versions:
            schema = grow(schema, with_types(version, self.wanted))
        self._check_types(schema)
        return schema

    def _first(self, stored: StoredForm | None, info: FormInfo, versions: Iterable[Version]) -> FormSchema:
        """Return the tables that the form has before its first version."""
        asset, table = self.client.asset_uid, self.wanted.table
        if self._is_declared(stored, versions):
            return nothing_yet(asset, FORM.table, form=FORM)
        taken = self._taken()
        require_free_table(self.wanted, taken)
        return nothing_yet(asset, table or info.name, taken=taken)

    def _is_declared(self, stored: StoredForm | None, versions: Iterable[Version]) -> bool:
        """Return True if the form has the declared table: it is bound to it, or asks all that it requires."""
        if stored is not None:
            return stored.table == FORM.table
        if self.wanted.table not in (None, FORM.table):
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

    def _taken(self) -> Collection[str]:
        """Return the names of the tables and views that are none of this form."""
        with reading(self.engine) as connection:
            claimed = catalog.claimed_names(connection)
            there = {*dialect_of(connection).stored_tables(connection), *claimed}
        return {name for name in there if claimed.get(name) != self.client.asset_uid}
