"""Made: forms whose tables are there, as their first sync makes them; declared, derived, and both."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.applying import NamedForm, apply_schema
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.leases import take_lease
from tests.support.forms.members import MEMBERS
from tests.support.forms.surveys import ask, survey
from tests.support.submissions import ASSET, SERVER

BESIDE = survey(MEMBERS, uid=ASSET, form=KOBO_RECORDS)
"""The tables of further questions, beside the declared one."""
ALONE = survey(MEMBERS, uid=ASSET)
"""The tables of these questions without it: ``survey`` and those below."""
FURTHER = [*MEMBERS, *ask("text", "further")]
ALONE_GROWN, BESIDE_GROWN = (survey(MEMBERS, FURTHER, uid=ASSET, form=form) for form in (None, KOBO_RECORDS))
"""Both with a further question."""


def make_tables(engine: Engine, schema: FormSchema, server: str = SERVER) -> Mirror:
    """Make the tables of a form as its first sync does, or let them grow; return it with them."""
    form = KOBO_RECORDS if schema.declared else None
    mirror = Mirror(form, server, schema.asset_uid)
    if form:
        bind(engine, mirror)
    lease = take_lease(engine, schema.asset_uid, "test")
    apply_schema(engine, schema, NamedForm(server, "Survey"), lease)
    return replace(mirror, schema=schema)
