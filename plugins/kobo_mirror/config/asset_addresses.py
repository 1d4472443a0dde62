"""Addresses of the assets of Airflow, which DAGs and the webhook tell that a mirrored form has news.

Airflow takes no letters beyond Latin-1 in them where MySQL holds its metadata, and a table may have any.
"""

from __future__ import annotations

from urllib.parse import quote


def asset_name(table: str) -> str:
    """Return the name of a form's asset.

    :param table: its declared table or its root.

    >>> asset_name("visites_à_domicile")
    'visites_%C3%A0_domicile'
    """
    return quote(table, safe="")


def asset_uri(table: str) -> str:
    """Return the URI of a form's asset.

    :param table: its declared table or its root.

    >>> asset_uri("households")
    'kobo://mirror/households'
    """
    return f"kobo://mirror/{asset_name(table)}"
