"""The mirrored form as an asset of Airflow: other DAGs can be scheduled on its updates.

It stands for all tables of the form, and has this name whatever they are called.
"""

from __future__ import annotations

from airflow.sdk import Asset

from kobo_mirror.forms.declared import FORM

RECORDS = Asset(name=FORM.table, uri=f"kobo://mirror/{FORM.table}")
