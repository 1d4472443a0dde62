"""The command ``forms``: what the account has, and which of it ``kobo.yml`` names."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine

from kobo_mirror.cli.removing import remove
from kobo_mirror.cli.voice import Voice
from kobo_mirror.cli.wiring import engine_of
from kobo_mirror.config.settings import ASSET_ID, DEFAULT_FORMS_FILE, Settings
from kobo_mirror.errors import ConfigurationError, MissingTablesError
from kobo_mirror.kobo.form_info import ListedForm
from kobo_mirror.sync.account_forms import AccountForms, file_to_edit

ADD, REMOVE = "add", "remove"


def forms(options: argparse.Namespace) -> int:
    """List the forms of the account, name some in ``kobo.yml``, or take one out.

    :param options: ``what`` (uids, behind ``add`` or ``remove``), ``write``, ``drop_tables``, ``json``.
    :returns: the exit code.
    :raises ConfigurationError: there is no such form, or the file cannot be edited.
    """
    action, *further = options.what or [""]
    if action == REMOVE:
        if len(further) != 1:
            raise ConfigurationError("Say which form is to be removed: `forms remove UID`, or its table.")
        return remove(_open_office(asks=False), further[0], drop=options.drop_tables)
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
    has_account = file.token or file.defaults.connection
    settings = Settings.from_env(["KOBO_TOKEN"] if asks and not has_account else [])
    return AccountForms.of(settings, file, _engine_of(settings) if settings.database_url else None)


def _engine_of(settings: Settings) -> Engine | None:
    """Return an engine for the database; None: it is a file that is not there yet."""
    with suppress(MissingTablesError):
        return engine_of(settings, must_exist=True)
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
