"""The forms of our connection types in Airflow's UI: "KoboToolbox" and "Kobo Mirror database"."""

from __future__ import annotations

from typing import Any

from kobo_mirror.config.address import TLS_MODES
from kobo_mirror.config.settings import PUBLIC_SERVERS


def get_provider_info() -> dict[str, Any]:
    """Return what Airflow must know to show our connection types, for its entry point."""
    return {
        "package-name": "kobo-mirror",
        "name": "Kobo Mirror",
        "description": "A SQL database kept equal to what a KoboToolbox form shows.",
        "connection-types": [
            {
                "connection-type": "kobo",
                "hook-class-name": "kobo_mirror.airflow.hooks.KoboHook",
                "hook-name": "KoboToolbox",
                "ui-field-behaviour": {
                    "hidden-fields": ["host", "login", "schema", "port"],
                    "relabeling": {"password": "API token"},
                    "placeholders": {"password": "Account settings → Security → API key"},
                },
                "conn-fields": _FIELDS,
            },
            {
                "connection-type": "kobodb",
                "hook-class-name": "kobo_mirror.airflow.hooks.KoboDatabaseHook",
                "hook-name": "Kobo Mirror database",
                "ui-field-behaviour": {
                    "hidden-fields": [],
                    "relabeling": {"schema": "Database", "login": "User"},
                    "placeholders": {"port": "3306"},
                },
                "conn-fields": _DATABASE_FIELDS,
            },
        ],
    }


_FIELDS: dict[str, dict[str, Any]] = {
    "server": {
        "label": "Server",
        "description": "Where you sign in: choose one of the public servers, or type the address of yours.",
        "schema": {"type": ["string", "null"], "format": "uri", "examples": list(PUBLIC_SERVERS)},
    },
    "asset_uid": {
        "label": "Form",
        "description": "The form's uid: the letters and digits after /forms/ in its address.",
        "schema": {"type": ["string", "null"], "pattern": "^[A-Za-z0-9]{8,40}$"},
    },
    "page_size": {
        "label": "Page size",
        "description": "Submissions per request. Most servers send at most 1000.",
        "schema": {"type": ["integer", "null"], "minimum": 1, "maximum": 30_000},
    },
    "webhook_endpoint": {
        "label": "Webhook endpoint",
        "description": "Where KoboToolbox posts new submissions: the public address of "
        "/api/real-time-updates. Empty: only scheduled syncs.",
        "schema": {"type": ["string", "null"], "format": "uri"},
    },
    "webhook_secret": {
        "label": "Webhook secret",
        "description": "The same as the webhook service's WEBHOOK_SECRET.",
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "webhook_secret_previous": {
        "label": "Previous webhook secret",
        "description": "Only while a secret is being replaced.",
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "registrar_url": {
        "label": "Registrar",
        "description": "An external service that registers the webhook. Empty: a REST Service of the form.",
        "schema": {"type": ["string", "null"], "format": "uri"},
    },
}

_DATABASE_FIELDS: dict[str, dict[str, Any]] = {
    "ssl_mode": {
        "label": "TLS",
        "description": "How traffic is encrypted. Empty: with all checks, if an authority is named below.",
        "schema": {"type": ["string", "null"], "enum": [*TLS_MODES, None]},
    },
    "ssl_ca": {
        "label": "Certificate authority",
        "description": "File with the authority's certificate (PEM), readable where the tasks run.",
        "schema": {"type": ["string", "null"]},
    },
    "ssl_cert": {
        "label": "Client certificate",
        "description": "File (PEM); only for a server that asks for one.",
        "schema": {"type": ["string", "null"]},
    },
    "ssl_key": {
        "label": "Key of the client certificate",
        "description": "File (PEM), without a password.",
        "schema": {"type": ["string", "null"]},
    },
    "url": {
        "label": "SQLite file",
        "description": "Instead of host, user and so on: an address such as sqlite:////srv/kobo.sqlite.",
        "schema": {"type": ["string", "null"], "pattern": "^sqlite:///"},
    },
}
