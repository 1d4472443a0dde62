"""Airflow DAGs of single forms: one for each form of kobo.yml with own_dag, in the steps of kobo_sync."""

from __future__ import annotations

from airflow.sdk import DAG, get_parsing_context

from kobo_mirror.airflow.alerts import deadline_from_env
from kobo_mirror.airflow.assets import FORMS, asset_of
from kobo_mirror.airflow.dag_ids import file_of_environment, own_dags, pick_of
from kobo_mirror.airflow.pools import further_servers, pool_of
from kobo_mirror.airflow.schedules import schedule_from_env
from kobo_mirror.airflow.sync_dag import DEFAULT_ARGS, STEPS, mode_param, params_of_a_sync, steps_of_a_sync

DOC = """
### One form of kobo.yml → SQL

Does for one large form what `kobo_sync` does for that of the connection, in the same steps, which are tried
again one by one. The entry of the form in `kobo.yml` says `own_dag: true`, and when it is read (`schedule`;
without it by `KOBO_SYNC_SCHEDULE`). `kobo_sync_all` leaves the form out.

Is it the form of the connection `kobo_default`, each run is skipped: `kobo_sync` mirrors that one. Take
`own_dag` out of its entry then.
"""

file = file_of_environment()
servers = further_servers(file)
meant = get_parsing_context().dag_id  # a worker needs only the DAG of its task

for dag_id, form in own_dags(file).items():
    if meant not in (None, dag_id):
        continue
    usual = schedule_from_env("KOBO_SYNC_SCHEDULE", "*/15 * * * *")
    name = form.table or form.uid
    with DAG(
        dag_id,
        dag_display_name=f"kobo_sync: {name}",
        schedule=usual and (file.schedules_of(form).rounds or usual),
        catchup=False,
        max_active_runs=1,
        deadline=deadline_from_env("KOBO_SYNC_DEADLINE_MINUTES"),
        description=f"Bring the tables of {name} up to what KoboToolbox shows",
        doc_md=DOC + STEPS.format(asset=asset_of(form.table or "...").uri),
        tags=["kobo", "sync"],
        default_args=DEFAULT_ARGS | {"pool": pool_of(form.server if form.server in servers else "")},
        params={"mode": mode_param(), **params_of_a_sync()},
    ):
        steps_of_a_sync([FORMS], form=pick_of(form), further=True)
