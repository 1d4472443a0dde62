"""The forms that tasks are about: chosen by the connections and ``kobo.yml``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from kobo_mirror.airflow.connection_fields import naming_connection
from kobo_mirror.config.forms_file import FormEntry, FormsFile, read_forms_file
from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import ConfigurationError, MissingTablesError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from kobo_mirror.sync.choosing import Known
    from kobo_mirror.sync.chosen import ChosenForm

_BY_CONNECTION = "connection "
"""Stands before the id of a connection, in place of the variable that holds an account's token."""


class Described(NamedTuple):
    """What the connections and ``kobo.yml`` say.

    :param settings: of the connection and the environment.
    :param file: what the file says; an account of a connection has its token in ``tokens``.
    :param tokens: the environment, and the tokens of connections that the file names.
    """

    settings: Settings
    file: FormsFile
    tokens: Mapping[str, str]


def described(kobo_conn_id: str) -> Described:
    """Return what the connections and ``kobo.yml`` say.

    :param kobo_conn_id: the connection that holds the account of all forms that name no other.
    :raises ConfigurationError: the file is malformed, or a connection is missing or lacks a field.
    """
    from kobo_mirror.airflow.hooks import KoboHook
    from kobo_mirror.sync.choosing import settings_needed

    hook = KoboHook(kobo_conn_id)
    file, tokens = _with_accounts(read_forms_file(hook.settings(need=())))
    return Described(hook.settings(need=settings_needed(file)), file, {**os.environ, **tokens})


def chosen_form(kobo_conn_id: str, engine: Engine, pick: str | None) -> ChosenForm:
    """Return the form that a task is about, without asking a server.

    :param kobo_conn_id: as for :func:`described`.
    :param engine: the database.
    :param pick: the table, the uid or the form key of one that ``kobo.yml`` names or discovers; None: the
        form of the connection.
    :raises ConfigurationError: as :func:`described` does, or there is no such form.
    """
    from kobo_mirror.airflow.hooks import KoboHook
    from kobo_mirror.database.engine import moment_of, read
    from kobo_mirror.sync.choosing import form_picked
    from kobo_mirror.sync.chosen import form_of_environment

    if pick is None:
        return form_of_environment(KoboHook(kobo_conn_id).settings())
    at = read(engine, moment_of)
    settings, file, tokens = described(kobo_conn_id)
    return form_picked(settings, file, known_or_none(engine), pick, env=tokens, given="form", at=at)


def known_or_none(engine: Engine) -> Known:
    """Return the forms that a database mirrors: none where our tables are still to be made.

    :param engine: the database.
    """
    from kobo_mirror.sync.choosing import known_forms

    with suppress(MissingTablesError):
        return known_forms(engine)
    return {}


def known_table(engine: Engine, form: ChosenForm) -> str:
    """Return the name of a form's declared table or root; empty while it has none.

    :param engine: the database.
    :param form: the form.
    """
    from kobo_mirror.database.engine import reading
    from kobo_mirror.store.listings import table_of

    with reading(engine) as connection:
        return table_of(connection, form.server, form.form_key) or ""


def is_of_connection(form: ChosenForm, settings: Settings) -> bool:
    """Return True if a form is that of the connection, which ``kobo_sync`` mirrors.

    :param form: one that was chosen.
    :param settings: of the connection.
    """
    return (form.server, form.uid) == (settings.kobo_url, settings.kobo_asset_id)


def naming_account(sentence: str, form: ChosenForm | None, kobo_conn_id: str) -> str:
    """Return a sentence that names the account's settings as the person who set them knows them.

    :param sentence: of an error or a report of the library.
    :param form: the form that it is about; None: it is not known.
    :param kobo_conn_id: the connection of all forms that name no other account.
    """
    token = form.entry.token if form and form.entry.uid else ""
    return naming_connection(sentence, token.partition(_BY_CONNECTION)[2] or kobo_conn_id)


def _with_accounts(file: FormsFile) -> tuple[FormsFile, dict[str, str]]:
    """Return the file with a name for the token of each connection that it names, and the tokens."""
    from kobo_mirror.airflow.hooks import KoboHook

    accounts: dict[str, Settings] = {}

    def named(entry: FormEntry) -> FormEntry:
        conn_id = entry.connection
        if not conn_id:
            return entry
        if conn_id not in accounts:
            accounts[conn_id] = KoboHook(conn_id).settings(need=("KOBO_TOKEN",))
        if accounts[conn_id].kobo_url != entry.server:
            raise ConfigurationError(
                f"{entry.place('connection')}: the connection {conn_id} names another server than this file."
            )
        return replace(entry, token=_BY_CONNECTION + conn_id)

    defaults, entries = named(file.defaults), tuple(map(named, file.entries))
    tokens = {_BY_CONNECTION + conn_id: account.kobo_token for conn_id, account in accounts.items()}
    return replace(file, entries=entries, defaults=defaults, token=defaults.token), tokens
