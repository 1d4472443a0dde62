"""The command ``forms``: what the account has, and which of it ``kobo.yml`` names."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from shutil import get_terminal_size
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
_TITLES = ("uid", "name", "status", "submissions", "last", "mirrored")
_NAME = _TITLES.index("name")
_GAP, _LEAST_OF_A_NAME = "  ", 8


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
    are_uids = all(map(ASSET_ID.fullmatch, uids))
    if are_uids and uids and action != ADD and not options.write:
        raise ConfigurationError(
            f"Write `forms add {' '.join(uids)}` to have that mirrored, or `forms remove` before a uid to "
            "take it out."
        )
    if not are_uids:
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
    """Print a line for each form, whole; on a terminal that is too narrow, names are cut."""
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415  # no other command but status imports rich

    rows = [_TITLES, *map(_cells, facts)]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    if sys.stdout and sys.stdout.isatty():
        room = get_terminal_size().columns - sum(widths) - len(_GAP) * (len(widths) - 1) + widths[_NAME]
        widths[_NAME] = min(widths[_NAME], max(room, _LEAST_OF_A_NAME))
    for row in rows:
        cells = [
            cell if cell_len(cell) <= width else f"{set_cell_size(cell, width - 1)}…"
            for cell, width in zip(row, widths, strict=True)
        ]
        print(_GAP.join(map(set_cell_size, cells, widths)).rstrip())


def _cells(fact: Mapping[str, Any]) -> tuple[str, ...]:
    mirrored = fact["table"] or "not yet" if fact["is_mirrored"] else "no"
    if fact["table"] and not fact["is_mirrored"]:
        mirrored = f"no longer ({fact['table']})"
    count = "–" if fact["submissions"] is None else f"{fact['submissions']:,}"
    last = (fact["last_submission"] or "–")[:10]
    name = "".join(c for c in " ".join(fact["name"].split()) if c.isprintable())
    return fact["uid"], name, fact["status"], count, last, mirrored


def _add(office: AccountForms, listed: Sequence[ListedForm], uids: Collection[str]) -> int:
    added = office.add(listed, uids)
    for uid in added.known:
        print(f"{uid} is mirrored already")
    for entry in added.entries:
        print(f"{entry.uid} is in {office.file.file} now, with the table {entry.table}: {entry.name}")
    if not added.entries:
        print("nothing was added")
    return 0
