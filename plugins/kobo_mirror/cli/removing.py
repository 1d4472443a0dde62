"""The command ``forms remove``: a form is named no longer, posted no longer, and perhaps dropped."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from sqlalchemy import Engine

from kobo_mirror.cli.voice import FAILED, Voice
from kobo_mirror.config.forms_editing import without_entry, write_forms_file
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import (
    ConfigurationError,
    FormGoneError,
    KoboMirrorError,
    LeaseError,
    NotPermittedError,
)
from kobo_mirror.forms.mirror import uid_of
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.kobo.rest_services import without_secrets
from kobo_mirror.store.dropping import drop_form
from kobo_mirror.store.let_go import forget_unread, forms_dropped, forms_unread, let_go
from kobo_mirror.store.listings import Standing
from kobo_mirror.store.schema import require_tables
from kobo_mirror.store.tables import metadata
from kobo_mirror.sync.account_forms import AccountForms, text_of
from kobo_mirror.sync.chosen import names_of
from kobo_mirror.sync.register import Places, places_of, unregister_form

_NO_TABLES = "the database has no tables of it"


class _Found(NamedTuple):
    """A form that is named, mirrored, was mirrored, or was to be.

    :param number: of its entry in the file; None: it has none.
    :param standing: what the database has of it; None: nothing.
    :param key: by which the database has it, or had it; empty: it never had it.
    """

    server: str
    uid: str
    number: int | None
    standing: Standing | None
    key: str

    @property
    def names(self) -> tuple[str, ...]:
        """Its table and its key in the database."""
        return (self.standing.table, self.standing.asset_uid) if self.standing else ()


def remove(office: AccountForms, pick: str, *, drop: bool) -> int:
    """Take a form out of ``kobo.yml``, and our REST Service away from it; its tables stay unless dropped.

    :param office: the forms of the account beside file and database.
    :param pick: the table, the form key or the uid.
    :param drop: drop its tables, and all that is known of it.
    :returns: the exit code: 1 where the REST Service or, as a sync has the form, its tables are still there.
    :raises ConfigurationError: there is no such form, or the file cannot be edited.
    :raises SchemaError: the database has tables of another version, or lacks some; nothing was changed.
    :raises KoboMirrorError: the tables cannot be dropped now.
    """
    settings, file = office.settings, office.file
    if office.without_tables is not None:
        _require_none_or_current(office.without_tables)
    found = _found(office, pick)
    if (found.server, found.uid) == (settings.kobo_url, settings.kobo_asset_id):
        raise ConfigurationError("KOBO_ASSET_ID names this form: take it out of .env first.")
    if drop:
        _require_typed(found.standing)
    if found.number is not None:
        write_forms_file(file.file, without_entry(file.file, text_of(file.file), found.number))
        print(f"{found.uid} is no longer in {file.file}")
    if office.engine is None:
        code = _tell_what_stays(office, found.uid)
    else:
        # After its line is gone, so that no round takes it back; before its REST Service is, so that none is
        # made again. A sync that has the form ends by it.
        if found.standing:
            transact(office.engine, partial(let_go, form_key=found.standing.asset_uid))
        code = max(_unregister(office, office.engine, found), _drop(office.engine, found, drop=drop))
    is_of_account = file.discover is not None and found.server == office.account.kobo_url
    if is_of_account and file.discover and found.uid not in file.discover.exclude:
        print(f"discover may find it again: exclude it, as in discover: {{exclude: [{found.uid}]}}")
    return code


def _tell_what_stays(office: AccountForms, uid: str) -> int:
    """Say what stays without a database, or before its first sync; return the exit code."""
    if office.settings.database_url:
        print(_NO_TABLES)
        return 0
    Voice().complain(
        "DATABASE_URL is not set: if the form was mirrored, its REST Service goes on to post. "
        f"Set it, and run forms remove {uid} again."
    )
    return FAILED


def _require_none_or_current(engine: Engine) -> None:
    """Refuse a database whose tables cannot tell what there is of a form.

    :raises SchemaError: it has tables of another version, or some of them are missing.
    """
    with reading(engine) as connection:
        there = dialect_of(connection).stored_tables(connection)
    if not metadata.tables.keys().isdisjoint(there):
        require_tables(engine, derived=False)


def _found(office: AccountForms, pick: str) -> _Found:
    """Return the form that has a table or a key, or else the first one of a uid."""
    own, entries = office.settings.kobo_url, office.file.entries
    numbers = {(one.server or own, one.uid): number for number, one in enumerate(entries) if one.uid}
    mirrored = {(one.server, uid_of(one.asset_uid)): one for one in office.everywhere()}
    environment = [(own, office.settings.kobo_asset_id)] if office.settings.kobo_asset_id else []
    keys = _former_keys(office) | {place: one.asset_uid for place, one in mirrored.items()}
    found = [
        _Found(*place, numbers.get(place), mirrored.get(place), keys.get(place, ""))
        for place in dict.fromkeys([*numbers, *mirrored, *environment, *keys])
    ]
    tables: dict[int | None, str] = {number: entry.table for number, entry in enumerate(entries)}
    exactly = [form for form in found if pick in (tables.get(form.number), *form.names)]
    for form in (*exactly, *(one for one in found if one.uid == pick)):
        return form if form.number is None or entries[form.number].server else _with_tables(form, found)
    raise ConfigurationError(f"Neither {office.file.file} nor the database has a form {pick}.")


def _with_tables(form: _Found, others: Sequence[_Found]) -> _Found:
    """Return the form of an entry, of KOBO_URL's server, with what the database has of its uid.

    The database may know the server by another spelling of its address.
    """
    twins = [one for one in others if one.uid == form.uid and one.number is None and one.key]
    return form if form.key or not twins else twins[0]._replace(number=form.number)


def _former_keys(office: AccountForms) -> dict[tuple[str, str], str]:
    """Return the keys of forms that were dropped, or failed before they had tables, by server and uid."""
    if office.engine is None:
        return {}
    with reading(office.engine) as connection:
        dropped, unread = forms_dropped(connection), forms_unread(connection)
    failed = {(office.settings.kobo_url, uid_of(key)): key for key in sorted(unread)}
    return failed | {(one.server, uid_of(one.form_key)): one.form_key for one in dropped}


def _unregister(office: AccountForms, engine: Engine, found: _Found) -> int:
    """Remove our REST Services of a form, or say what a person must do; return the exit code."""
    endpoint = office.settings.real_time_post_endpoint_url
    places = places_of(engine, found.key, endpoint) if found.key else Places(frozenset(), frozenset())
    for address in sorted(places.registrars):
        print(f"the external registrar posts to {without_secrets(address)}: have it stop")
    if not places.addresses:
        return 0
    shown = " or ".join(sorted(map(without_secrets, places.addresses)))
    by_hand = f"remove the REST Service that posts to {shown} in KoboToolbox, in the form's settings"
    entry = office.file.entries[found.number] if found.number is not None else None
    names = names_of(entry) if entry else names_of(office.file.defaults, is_discovered=True)
    try:
        account = office.account_of(found.server, found.uid, entry)
        with Accounts(max_in_flight=1, attempts=2) as accounts:
            client = accounts.form(account.kobo_url, account.kobo_token, found.uid, found.key, names)
            for address in unregister_form(client, engine, places):
                print(f"removed the REST Service that posted to {address}")
    except FormGoneError:
        print(f"the account sees no such form: if another one does, {by_hand}")
    except KoboMirrorError as error:
        is_right = isinstance(error, NotPermittedError)
        why = "the account may not edit the form" if is_right else str(error).rstrip(".")
        Voice().complain(f"Deliveries may go on to be posted ({why}): {by_hand}.")
        return FAILED
    return 0


def _drop(engine: Engine, found: _Found, *, drop: bool) -> int:
    """Drop the tables of a form, or say what stays; return the exit code."""
    standing = found.standing
    if standing and drop:
        try:
            dropped = drop_form(engine, standing.asset_uid)
        except LeaseError as error:
            again = f"python -m kobo_mirror forms remove {standing.table} --drop-tables"
            Voice().complain(f"{str(error).rstrip('.')}, and run `{again}` again to drop its tables.")
            return FAILED
        print(f"dropped: {', '.join(dropped.tables)}")
        if dropped.left:
            print(f"left, since by its columns it is none of ours: {', '.join(dropped.left)}")
    elif standing:
        print(f"its tables stay: {standing.table} and those whose names start with {standing.table}__")
    else:
        with reading(engine) as connection:
            unread = [key for key in forms_unread(connection) if uid_of(key) == found.uid]
        for key in unread:
            forget_unread(engine, key)
            print("it was never read: that its syncs failed is forgotten")
        if not unread:
            print(_NO_TABLES)
    return 0


def _require_typed(standing: Standing | None) -> None:
    """Have a person type the name of the table, so that no other one is dropped by mistake."""
    if standing is None:
        raise ConfigurationError("The database has no tables of this form: leave --drop-tables out.")
    table = standing.table
    print(
        f"The table {table}, all whose names start with {table}__, and all that is known of the form are "
        "deleted. Type the name of the table: ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    typed = ""
    with suppress(EOFError):
        typed = input()
    if typed.strip() != table:
        raise ConfigurationError("That is not the name of the table: nothing was changed.")
