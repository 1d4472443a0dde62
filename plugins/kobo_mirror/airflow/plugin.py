"""The plugin that Airflow loads by the entry point ``airflow.plugins`` in the folder beside the package."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from kobo_mirror.airflow import notes


class KoboNotes(AirflowPlugin):
    """Write what each of our runs did into its note."""

    name = "kobo_mirror_notes"
    listeners = [notes]  # noqa: RUF012  # as Airflow declares it
