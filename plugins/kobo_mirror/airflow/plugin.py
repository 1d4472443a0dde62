"""The plugin that Airflow loads by the entry point ``airflow.plugins`` in the folder beside the package."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from kobo_mirror.airflow import notes, pool_listener


class KoboNotes(AirflowPlugin):
    """Write what each of our runs did into its note, and make the pools that their tasks name."""

    name = "kobo_mirror_notes"
    listeners = [notes, pool_listener]  # noqa: RUF012  # as Airflow declares it
