"""The form table as an asset of Airflow: other DAGs can be scheduled on its updates."""

from __future__ import annotations

from airflow.sdk import Asset

from kobo_mirror.forms.declared import FORM

RECORDS = Asset(name=FORM.table, uri=f"kobo://mirror/{FORM.table}")
