"""Airflow's hooks for our connections: a KoboToolbox form to read from, a database to write to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from kobo_mirror.airflow.connection_fields import EXTRAS, LABELS, with_labels
from kobo_mirror.airflow.mysql_extra import mysql_options
from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import ConfigurationError, KoboMirrorError, NotPermittedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Connection
    from requests import Session
    from sqlalchemy import URL, Engine

    from kobo_mirror.kobo.form import FormInfo, KoboClient


class KoboHook(HttpHook):
    """A form on a KoboToolbox server, as one account sees it.

    ``get_client()`` returns the library's client; ``run()`` sends any other request with the account's token.

    :param kobo_conn_id: a connection of type "KoboToolbox".
    :param method: the HTTP method of ``run()``.
    """

    conn_name_attr = "kobo_conn_id"
    default_conn_name = "kobo_default"
    conn_type = "kobo"
    hook_name = "KoboToolbox"

    def __init__(self, kobo_conn_id: str = default_conn_name, *, method: str = "GET") -> None:
        super().__init__(method=method, http_conn_id=kobo_conn_id)
        self.kobo_conn_id = kobo_conn_id

    def settings(
        self, *, need: Iterable[str] = ("KOBO_TOKEN", "KOBO_ASSET_ID"), advice: str = ""
    ) -> Settings:
        """Return the settings, checked: the connection's fields, and the environment for all that it has not.

        :param need: the settings that must not be empty, by their names in the environment.
        :param advice: the last sentence of an error; by default it says where to find the connection.
        :raises ConfigurationError: there is no such connection, or a field is missing or malformed.
        """
        connection = _connection(self.kobo_conn_id)
        extra = connection.extra_dejson
        given = {"KOBO_URL": extra.get("server") or connection.host, "KOBO_TOKEN": connection.password}
        given |= {name: extra.get(field) for name, (field, _) in EXTRAS.items()}
        return Settings.from_env(
            need=need,
            env={**os.environ, **{name: str(value or "") for name, value in given.items()}},
            names={name: f"'{label}'" for name, label in LABELS.items()},
            advice=advice or f"Set it in Admin → Connections → {self.kobo_conn_id}.",
        )

    def get_client(
        self, settings: Settings | None = None, *, form_key: str = "", **options: Any
    ) -> KoboClient:
        """Return a client for the connection's form.

        :param settings: what ``settings()`` returned; None: it is read now.
        :param form_key: by which the database has the form; empty: by its uid.
        :param options: what ``open_form`` takes, such as ``max_in_flight`` or ``attempts``.
        :raises ConfigurationError: a field of the connection is missing or malformed.
        """
        from kobo_mirror.kobo.form import open_form

        settings = settings or self.settings()
        options = {"max_in_flight": settings.kobo_max_in_flight, **options}
        return open_form(settings.kobo_url, settings.kobo_token, settings.kobo_asset_id, form_key, **options)

    def test_connection(self) -> tuple[bool, str]:
        """Ask the server who the token belongs to and what it may do with the form, for the Test button.

        :returns: True if the form can be read, and a sentence.
        """
        try:
            settings = self.settings(advice="Fill it in and test again.")
            with self.get_client(settings, attempts=1, timeout=(5.0, 15.0)) as client:
                account, form = client.server.whoami(), client.form()
                return True, " ".join(
                    [
                        f"Signed in as {account}.",
                        _described(form),
                        _about_history(client),
                        _about_hooks(client),
                    ]
                )
        except KoboMirrorError as problem:
            return False, with_labels(str(problem))

    def _set_base_url(self, connection: Any) -> None:
        connection.host = connection.extra_dejson.get("server") or connection.host
        super()._set_base_url(connection)

    def _configure_session_from_auth(self, session: Session, connection: Any) -> Session:
        session.headers["Authorization"] = f"Token {connection.password}"
        return session

    def _configure_session_from_extra(
        self, session: Session, connection: Any, extra_options: dict[str, Any]
    ) -> Session:
        """Keep the connection's extra out of the headers, where ``HttpHook`` would put it."""
        self.merged_extra = dict(extra_options)
        return session


def _described(form: FormInfo) -> str:
    rows = "an unknown number of" if form.submission_count is None else f"{form.submission_count:,}"
    partly = " (this account sees only some of them)" if form.restricted else ""
    return f"Form '{form.name}' has {rows} submissions{partly}."


def _about_history(client: KoboClient) -> str:
    try:
        next(iter(client.history(most=1)), None)
    except NotPermittedError:
        return "It may not read the form's history: edits are found by comparing."
    return "It may read the form's history."


def _about_hooks(client: KoboClient) -> str:
    try:
        client.hooks()
    except NotPermittedError:
        return "It may not register the webhook: ask the form's owner for the right to edit the form."
    return "It may register the webhook."


def open_target(conn_id: str = "kobo_database", *, patience: float = 20.0) -> Engine:
    """Return an engine for the database that a connection names.

    The connection's fields are those of Airflow's own MySQL connections; for SQLite its extra holds the
    address, as ``url``.

    :param conn_id: a connection of type "Kobo Mirror database" or "MySQL".
    :param patience: the seconds that a connect, a lock or a collision may take.
    :raises ConfigurationError: there is no such connection, or it names no database that we can write to.
    """
    from kobo_mirror.database.engine import LONG_STATEMENT, open_engine

    connection = _connection(conn_id)
    url = connection.extra_dejson.get("url") if connection.conn_type != "mysql" else None
    return open_engine(
        url or _mysql_url(conn_id),
        patience=patience,
        answer_seconds=LONG_STATEMENT,
        named=f"The connection {conn_id}",
    )


def _connection(conn_id: str) -> Connection:
    """Return a connection of Airflow's.

    :raises ConfigurationError: there is none of that name.
    """
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise ConfigurationError(
            f"There is no connection {conn_id}: add it in Admin → Connections."
        ) from None


def _mysql_url(conn_id: str) -> URL:
    """Return the address that a connection's fields make, without a detour by a text that must be quoted."""
    from sqlalchemy import URL

    connection = _connection(conn_id)
    if connection.conn_type not in ("mysql", KoboDatabaseHook.conn_type) or not (
        connection.host or connection.extra_dejson.get("unix_socket")
    ):
        raise ConfigurationError(
            f"The connection {conn_id} must be of type MySQL or {KoboDatabaseHook.hook_name} and name a "
            'host, or hold the address of an SQLite file as "url" in its extra.'
        )
    driver, options = mysql_options(connection.extra_dejson, f"The connection {conn_id}")
    return URL.create(
        driver,
        username=connection.login or None,
        password=connection.password or None,
        host=connection.host or None,
        port=connection.port or None,
        database=connection.schema or None,
        query=options,
    )


class KoboDatabaseHook(DbApiHook):
    """The database of the mirror, MySQL, MariaDB or SQLite, for the mirror itself and for other tasks' SQL.

    :param kobo_database_conn_id: a connection of type "Kobo Mirror database".
    """

    conn_name_attr = "kobo_database_conn_id"
    default_conn_name = "kobo_database"
    conn_type = "kobodb"
    hook_name = "Kobo Mirror database"

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, Any] | None = None) -> Engine:
        """Return an engine as the mirror uses it.

        :param engine_kwargs: not used; the parent class has it.
        """
        return open_target(self.get_conn_id())

    def get_conn(self) -> Any:
        """Return a connection of the driver's, as PEP 249 describes it."""
        return self.get_sqlalchemy_engine().raw_connection()

    def test_connection(self) -> tuple[bool, str]:  # type: ignore[override]  # the parent declares no type
        """Connect, and commit something where our tables are there, for the Test button.

        :returns: True if the mirror can use the database, and a sentence.
        """
        from kobo_mirror.airflow.database_check import check_database

        return check_database(self.get_conn_id())
