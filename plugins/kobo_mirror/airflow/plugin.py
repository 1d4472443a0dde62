"""What Airflow loads of us at its start, by the entry point ``airflow.plugins`` beside the package."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from kobo_mirror.airflow import notes


class KoboNotes(AirflowPlugin):
    """Each run of ours says in its note what it did."""

    name = "kobo_mirror_notes"
    listeners = [notes]  # noqa: RUF012  # Airflow's own way to declare them
