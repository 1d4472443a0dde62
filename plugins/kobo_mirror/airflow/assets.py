"""What the DAGs bring up to date, as Airflow knows it; other DAGs may start when it changes."""

from __future__ import annotations

from airflow.sdk import Asset

from kobo_mirror.forms.declared import FORM

RECORDS = Asset(name=FORM.table, uri=f"kobo://mirror/{FORM.table}")
