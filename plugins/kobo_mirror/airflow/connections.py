"""``python -m kobo_mirror.airflow.connections``: create connections and a pool from the environment.

They become rows of Airflow's own database, so that its UI shows them and can change them; those that exist
are left as they are. It runs when Airflow is set up, not in a task.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import make_url

from kobo_mirror.airflow.dag_ids import names_forms_of_environment
from kobo_mirror.airflow.pools import POOL, create_pools
from kobo_mirror.config.settings import Settings
from kobo_mirror.database.dialects import dialect_of_url
from kobo_mirror.errors import ConfigurationError

# Where no port is stored, the Test button in Airflow's list of connections sends 0, and gets "Bad Request",
# because 0 is not what is stored. So a port is always stored.
_NO_PORT, _USUAL_PORT = 0, 3306


def kobo_connection(settings: Settings) -> dict[str, Any]:
    """Return the fields of ``kobo_default``, by the names of ``airflow.models.Connection``.

    :param settings: name the server, the token, the form and the webhook.
    """
    extra = {
        "server": settings.kobo_url,
        "asset_uid": settings.kobo_asset_id,
        "page_size": settings.kobo_page_size,
        "webhook_endpoint": settings.real_time_post_endpoint_url,
        "webhook_secret": settings.webhook_secret,
        "webhook_secret_previous": settings.webhook_secret_previous,
        "registrar_url": settings.inkomoko_register_webhook_url,
    }
    return {
        "conn_type": "kobo",
        "description": "The KoboToolbox form that is mirrored",
        "password": settings.kobo_token,
        "port": _NO_PORT,
        "extra": json.dumps({name: value for name, value in extra.items() if value}),
    }


def database_connection(settings: Settings) -> dict[str, Any]:
    """Return the fields of ``kobo_database``, by the names of ``airflow.models.Connection``.

    An SQLite file becomes an address in the extra.

    :param settings: name the database.
    """
    described = {"conn_type": "kobodb", "description": "The database that holds the mirror"}
    url = make_url(settings.database_url)
    if dialect_of_url(url).is_file:
        return described | {"port": _NO_PORT, "extra": json.dumps({"url": settings.database_url})}
    return described | {
        "host": url.host,
        "port": url.port or _USUAL_PORT,
        "login": url.username,
        "password": url.password,
        "schema": url.database,
        "extra": json.dumps(dict(url.query)),
    }


_CONNECTIONS = {
    "kobo_default": (kobo_connection, ("KOBO_TOKEN", "KOBO_ASSET_ID")),
    "kobo_database": (database_connection, ("DATABASE_URL",)),
}


def create_connections(env: Mapping[str, str]) -> list[str]:
    """Create the connections that Airflow lacks.

    :param env: the environment; it needs to describe only the connections that are created.
    :returns: the ids of the connections that were created.
    :raises ConfigurationError: a setting that such a connection needs is missing or malformed.
    """
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        present = set(session.scalars(select(Connection.conn_id).where(Connection.conn_id.in_(_CONNECTIONS))))
        absent = {name: _CONNECTIONS[name] for name in _CONNECTIONS if name not in present}
        if not absent:
            return []
        spared = {"KOBO_ASSET_ID"} if names_forms_of_environment() else set()
        needed = [need for _, needs in absent.values() for need in needs if need not in spared]
        settings = Settings.from_env(need=needed, env=env)
        session.add_all(Connection(conn_id=name, **fields(settings)) for name, (fields, _) in absent.items())
    return list(absent)


def main() -> int:
    """Create what is missing and print what was created.

    :returns: the exit code: 0, or 2 with a sentence where the environment lacks a setting.
    """
    try:
        created = create_connections(os.environ)
        pooled = create_pools()
    except ConfigurationError as problem:
        print(problem, file=sys.stderr)
        return 2
    for name in _CONNECTIONS:
        print(f"connection {name}: {_became(name in created)}")
    print(f"pool {POOL}: {_became(POOL in pooled)}")
    return 0


def _became(created: bool) -> str:
    return "created" if created else "already there, left as it is"


if __name__ == "__main__":
    sys.exit(main())
