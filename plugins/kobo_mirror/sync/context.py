"""Tell which form is mirrored, from the settings."""

from __future__ import annotations

from sqlalchemy import Engine

from kobo_mirror.config.settings import Settings
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.mirrors import load_mirror


def form_of(settings: Settings) -> Mirror:
    """Return the form that the settings name; which tables it has is not asked.

    :param settings: the settings of this process.
    """
    return Mirror(None, settings.kobo_url, settings.kobo_asset_id)


def mirror_of(settings: Settings, engine: Engine, *, among_others: bool = False) -> Mirror:
    """Return the form that the settings name, with the tables that it has now.

    :param settings: the settings of this process.
    :param engine: the database.
    :param among_others: the form may be a further one of a database that mirrors others.
    :raises SchemaError: the database mirrors another form, or lacks our tables.
    """
    return load_mirror(engine, *form_of(settings).identity, among_others=among_others)
