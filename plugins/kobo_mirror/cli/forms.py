"""The command ``forms``: what the account has, and which of it ``kobo.yml`` names."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import Engine

from kobo_mirror.cli.voice import Voice
from kobo_mirror.cli.wiring import engine_of
from kobo_mirror.config.forms_editing import without_entry, write_forms_file
from kobo_mirror.config.settings import ASSET_ID, DEFAULT_FORMS_FILE, Settings
from kobo_mirror.errors import ConfigurationError, MissingTablesError
from kobo_mirror.forms.mirror import uid_of
from kobo_mirror.kobo.form_info import ListedForm
from kobo_mirror.store.dropping import drop_form
from kobo_mirror.store.listings import Standing
from kobo_mirror.store.schema import at_head
from kobo_mirror.sync.account_forms import AccountForms, file_to_edit, text_of

ADD, REMOVE = "add", "remove"


def forms(options: argparse.Namespace) -> int:
    """List the forms of the account, name some in ``kobo.yml``, or take one out.

    :param options: ``what`` (uids, behind ``add`` or ``remove``), ``write``, ``drop_tables``, ``json``.
    :returns: 0.
    :raises ConfigurationError: there is no such form, or the file cannot be edited.
    """
    action, *further = options.what or [""]
    if action == REMOVE:
        if len(further) != 1:
            raise ConfigurationError("Say which form is to be removed: `forms remove UID`, or its table.")
        return _remove(_open_office(asks=False), further[0], drop=options.drop_tables)
    if options.drop_tables:
        raise ConfigurationError("--drop-tables belongs to `forms remove UID`.")
    uids = further if action == ADD else options.what
    if action == ADD and not uids:
        raise ConfigurationError("Say which forms are to be added: `forms add UID`; or `forms --write`.")
    if any(not ASSET_ID.fullmatch(uid) for uid in uids) or (uids and action != ADD and not options.write):
        raise ConfigurationError(
            "Say `forms`, `forms --write`, `forms add UID` or `forms remove UID`; a uid has 8 to 40 letters "
            "and digits."
        )
    office = _open_office(asks=True)
    listed = office.listed()
    if action == ADD or options.write:
        return _add(office, listed, uids)
    return _show(office, listed, as_json=options.json)


def _open_office(*, asks: bool) -> AccountForms:
    file = file_to_edit(os.environ.get("KOBO_FORMS_FILE", "").strip() or DEFAULT_FORMS_FILE)
    settings = Settings.from_env(["KOBO_TOKEN"] if asks and not file.token else [])
    return AccountForms(settings, file, _engine_of_ours(settings) if settings.database_url else None)


def _engine_of_ours(settings: Settings) -> Engine | None:
    """Return an engine for the database if it has our tables; before the first sync it has none."""
    with suppress(MissingTablesError):
        engine = engine_of(settings, must_exist=True)
        return engine if at_head(engine) else None
    return None


def _show(office: AccountForms, listed: Sequence[ListedForm], *, as_json: bool) -> int:
    facts = [
        {
            "uid": form.uid,
            "name": form.name,
            "status": form.status,
            "submissions": form.submissions,
            "last_submission": form.last_submission,
            "owner": form.owner,
            "is_mirrored": form.is_mirrored,
            "table": form.form_table,
        }
        for form in office.described(listed)
    ]
    if as_json:
        for fact in facts:
            Voice().tell(fact)
        return 0
    _print_table(facts)
    print(f"{len(facts)} forms at {office.account.kobo_url}")
    return 0


def _print_table(facts: Iterable[Mapping[str, Any]]) -> None:
    from rich.console import Console  # noqa: PLC0415  # no other command but status imports it
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for title in ("uid", "name", "status", "submissions", "last", "mirrored"):
        table.add_column(title, overflow="fold", no_wrap=title == "uid")
    for fact in facts:
        mirrored = fact["table"] or "not yet" if fact["is_mirrored"] else "no"
        if fact["table"] and not fact["is_mirrored"]:
            mirrored = f"no longer ({fact['table']})"
        count = "–" if fact["submissions"] is None else f"{fact['submissions']:,}"
        last = (fact["last_submission"] or "–")[:10]
        table.add_row(fact["uid"], fact["name"], fact["status"], count, last, mirrored)
    Console().print(table, markup=False)


def _add(office: AccountForms, listed: Sequence[ListedForm], uids: Collection[str]) -> int:
    added = office.add(listed, uids)
    for uid in added.known:
        print(f"{uid} is mirrored already")
    for entry in added.entries:
        print(f"{entry.uid} is in {office.file.file} now, with the table {entry.table}: {entry.name}")
    if not added.entries:
        print("nothing was added")
    return 0


def _remove(office: AccountForms, pick: str, *, drop: bool) -> int:
    settings, file = office.settings, office.file
    found = _found(office, pick)
    if (found.server, found.uid) == (settings.kobo_url, settings.kobo_asset_id):
        raise ConfigurationError("KOBO_ASSET_ID names this form: take it out of .env first.")
    standing = found.standing
    if drop:
        _require_typed(standing)
    if found.number is not None:
        write_forms_file(file.file, without_entry(file.file, text_of(file.file), found.number))
        print(f"{found.uid} is no longer in {file.file}")
    if drop and standing and office.engine is not None:
        print(f"dropped: {', '.join(drop_form(office.engine, standing.asset_uid))}")
    elif standing:
        print(f"its tables stay: {standing.table} and those whose names start with {standing.table}__")
    is_of_account = file.discover is not None and found.server == office.account.kobo_url
    if is_of_account and file.discover and found.uid not in file.discover.exclude:
        print(f"discover may find it again: write {found.uid} into its list exclude")
    return 0


class _Found(NamedTuple):
    """A form that is named or mirrored.

    :param number: of its entry in the file; None: it has none.
    :param standing: what the database has of it; None: nothing.
    """

    server: str
    uid: str
    number: int | None
    standing: Standing | None

    @property
    def names(self) -> tuple[str, ...]:
        """Its table and its key in the database."""
        return (self.standing.table, self.standing.asset_uid) if self.standing else ()


def _found(office: AccountForms, pick: str) -> _Found:
    """Return the form that has a table or a key, or else the first one of a uid."""
    own, entries = office.settings.kobo_url, office.file.entries
    numbers = {(one.server or own, one.uid): number for number, one in enumerate(entries) if one.uid}
    mirrored = {(one.server, uid_of(one.asset_uid)): one for one in office.everywhere()}
    environment = [(own, office.settings.kobo_asset_id)] if office.settings.kobo_asset_id else []
    found = [
        _Found(*place, numbers.get(place), mirrored.get(place))
        for place in dict.fromkeys([*numbers, *mirrored, *environment])
    ]
    tables: dict[int | None, str] = {number: entry.table for number, entry in enumerate(entries)}
    exactly = [form for form in found if pick in (tables.get(form.number), *form.names)]
    for form in (*exactly, *(one for one in found if one.uid == pick)):
        return form
    raise ConfigurationError(f"Neither {office.file.file} nor the database has a form {pick}.")


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
