"""The mirrored forms as assets of Airflow: other DAGs can be scheduled on their updates.

``RECORDS`` stands for all tables of the form of the connection, and has this name whatever they are called. A
form that ``kobo.yml`` names has an asset that is named after its table.
"""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

from kobo_mirror.config.asset_addresses import asset_name, asset_uri
from kobo_mirror.forms.declared import FORM


def asset_of(table: str) -> Asset:
    """Return the asset of a form.

    :param table: its declared table or its root.
    """
    return Asset(name=asset_name(table), uri=asset_uri(table))


RECORDS = asset_of(FORM.table)
FORMS = AssetAlias(name="kobo_forms")
"""The outlet of a task that mirrors a form whose table is not known when the DAG is read."""
