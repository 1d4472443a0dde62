"""The fields of a connection of type "KoboToolbox", and the settings that they hold."""

from __future__ import annotations

import re

EXTRAS = {
    "KOBO_ASSET_ID": ("asset_uid", "Form"),
    "KOBO_PAGE_SIZE": ("page_size", "Page size"),
    "REAL_TIME_POST_ENDPOINT_URL": ("webhook_endpoint", "Webhook endpoint"),
    "WEBHOOK_SECRET": ("webhook_secret", "Webhook secret"),
    "WEBHOOK_SECRET_PREVIOUS": ("webhook_secret_previous", "Previous webhook secret"),
    "INKOMOKO_REGISTER_WEBHOOK_URL": ("registrar_url", "Registrar"),
}
"""A setting's name in the environment → its key in the connection's extra, and its label in Airflow's UI."""

LABELS = {"KOBO_URL": "Server", "KOBO_TOKEN": "API token"} | {
    name: label for name, (_, label) in EXTRAS.items()
}
"""A setting's name in the environment → its label in Airflow's UI, for all fields of the connection."""

CONNECTION_SETTINGS = frozenset(LABELS)
"""The settings that are read from the connection only; a task's environment is not asked for them."""

_SETTING = re.compile(rf"\b(?:{'|'.join(LABELS)})\b")


def with_labels(sentence: str) -> str:
    """Return a sentence with the labels of the connection's fields in place of the environment's names.

    :param sentence: such as ``KOBO_TOKEN was refused``, which becomes ``'API token' was refused``.
    """
    return _SETTING.sub(lambda found: _quoted(found[0]), sentence)


def naming_connection(sentence: str, conn_id: str) -> str:
    """Return a sentence with labels for the environment's names, and with where these fields are found.

    A sentence that names none of these settings is returned as it is.

    :param sentence: of an error or a report of the library.
    :param conn_id: the connection that the settings came from.
    """
    fields = list(dict.fromkeys(_quoted(name) for name in _SETTING.findall(sentence)))
    if not fields:
        return sentence
    are = "field {} is" if len(fields) == 1 else "fields {} are"
    listed = " and ".join(filter(None, [", ".join(fields[:-1]), fields[-1]]))
    full_stop = "" if sentence.endswith(".") else "."
    return f"{with_labels(sentence)}{full_stop} The {are.format(listed)} in Admin → Connections → {conn_id}."


def _quoted(name: str) -> str:
    return f"'{LABELS[name]}'"
