"""Who may do what, by Airflow's own login; the connections that the DAGs use; the runs that are started.

All names of Airflow's that it does not promise to plugins are used here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import (
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
)
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dag import DagModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType
from fastapi import Depends, HTTPException

from kobo_mirror.airflow.hooks import KoboHook, open_target
from kobo_mirror.airflow.page.schemas import Triggered
from kobo_mirror.database.engine import ADDRESS
from kobo_mirror.errors import ConfigurationError, KoboMirrorError
from kobo_mirror.store.registrations import Registration
from kobo_mirror.sync.register import secret_fingerprint

if TYPE_CHECKING:
    from sqlalchemy import Engine

SYNC, VERIFY, REPLAY, FORMS = "kobo_sync", "kobo_verify", "kobo_replay", "kobo_forms"
DATABASE, KOBO = "kobo_database", "kobo_default"


def _allowed(user: Any, dag_id: str, method: Any, entity: DagAccessEntity | None = None) -> bool:
    return get_auth_manager().is_authorized_dag(
        method=method, access_entity=entity, details=DagDetails(id=dag_id), user=user
    )


def viewer(user: GetUserDep) -> Any:
    """Return the user if he may see the DAG ``kobo_sync``.

    :param user: of Airflow's login; without one Airflow answers 401.
    :raises HTTPException: 403: the user may not see it.
    """
    if not _allowed(user, SYNC, "GET"):
        raise HTTPException(403, "You may not see the DAG kobo_sync.")
    return user


def may_see(user: Any, dag_id: str) -> bool:
    """Return True if a user may see a DAG, and with it the notes of its runs.

    :param user: of Airflow's login.
    :param dag_id: such as ``kobo_forms``.
    """
    return _allowed(user, dag_id, "GET")


def may_trigger(user: Any, dag_id: str = SYNC) -> bool:
    """Return True if a user may start runs of a DAG.

    :param user: of Airflow's login.
    :param dag_id: such as ``kobo_sync``.
    """
    return _allowed(user, dag_id, "POST", DagAccessEntity.RUN)


def require_trigger(user: Any, dag_id: str) -> None:
    """Let only a user pass who may start runs of a DAG.

    :param user: of Airflow's login.
    :param dag_id: such as ``kobo_sync``.
    :raises HTTPException: 403: he may not.
    """
    if not may_trigger(user, dag_id):
        raise HTTPException(403, f"You may not start runs of the DAG {dag_id}.")


def may_see_answers(user: Any) -> bool:
    """Return True if a user may see the connection to the database, and with it all that it holds.

    :param user: of Airflow's login.
    """
    return get_auth_manager().is_authorized_connection(
        method="GET", details=ConnectionDetails(conn_id=DATABASE), user=user
    )


_engines: dict[bytes, Engine] = {}


def target_engine() -> Engine:
    """Return an engine for the mirror's database, the same one until the connection is changed.

    :raises ConfigurationError: the connection is missing or names no database.
    """
    try:
        fresh = open_target(DATABASE)
    except (AirflowException, AirflowRuntimeError):
        raise ConfigurationError(
            f"There is no connection {DATABASE}: add it in Admin → Connections."
        ) from None
    address = fresh.get_execution_options()[ADDRESS]
    known = _engines.get(address)
    if known is not None:
        fresh.dispose()
        return known
    for engine in _engines.values():
        engine.dispose()
    _engines.clear()
    _engines[address] = fresh
    return fresh


SecretOf = Callable[[str, Iterable[Registration]], str | None]
"""Tells the fingerprint of the secret that a form's deliveries are to show, by its key and registrations."""


def shown_secrets() -> SecretOf:
    """Return what tells which secret each form's deliveries are to show; the connection is read now.

    It returns None where the connection has no secret.
    """
    try:
        secret = KoboHook(KOBO).settings(need=()).webhook_secret
    except (KoboMirrorError, AirflowException, AirflowRuntimeError):
        return lambda form_key, registered: None
    return lambda form_key, registered: secret_fingerprint(secret, form_key, registered)


def connected_form() -> tuple[str, str] | None:
    """Return server and uid of the form that the connection to KoboToolbox names, or None."""
    try:
        settings = KoboHook(KOBO).settings(need=())
    except (KoboMirrorError, AirflowException, AirflowRuntimeError):
        return None
    return (settings.kobo_url, settings.kobo_asset_id) if settings.kobo_asset_id else None


def is_known(dag_id: str) -> bool:
    """Return True if Airflow knows a DAG now.

    :param dag_id: such as ``kobo_sync_all``.
    """
    with create_session() as session:
        model = DagModel.get_current(dag_id, session=session)
        return model is not None and not model.is_stale


def takes(dag_id: str, *names: str) -> bool:
    """Return True if a DAG that Airflow knows has these parameters.

    :param dag_id: such as ``kobo_sync_all``.
    :param names: of the parameters.
    """
    dag = SerializedDagModel.get_dag(dag_id)
    return dag is not None and all(name in dag.params for name in names)


def trigger(dag_id: str, user: Any, conf: Mapping[str, Any]) -> Triggered:
    """Start a run of a DAG in a user's name.

    :param dag_id: such as ``kobo_sync``.
    :param user: of Airflow's login.
    :param conf: the run's parameters; for those that are None the DAG's defaults are taken.
    :returns: the run.
    :raises HTTPException: 403: the user may not; 404: Airflow does not know the DAG yet; 409: it does not
        take the run, or lacks one of the parameters, without which it would be about something else.
    """
    require_trigger(user, dag_id)
    given = {name: value for name, value in conf.items() if value is not None}
    with create_session() as session:
        model = DagModel.get_current(dag_id, session=session)
        if model is None or model.is_stale:
            raise HTTPException(404, f"Airflow does not know the DAG {dag_id} yet.")
        paused = bool(model.is_paused)
    if lacking := [name for name in given if not takes(dag_id, name)]:
        raise HTTPException(409, f"The DAG {dag_id} has no parameter {lacking[0]}: bring dags/ up to date.")
    try:
        run: Any = trigger_dag(
            dag_id,
            triggered_by=DagRunTriggeredByType.UI,
            triggering_user_name=user.get_name(),
            conf=given,
        )
    except (AirflowException, ValueError) as problem:
        raise HTTPException(409, str(problem)) from problem
    href = f"dags/{dag_id}/runs/{quote(run.run_id)}"
    return Triggered(dag_id=dag_id, run_id=run.run_id, paused=paused, href=href)


Viewer = Annotated[Any, Depends(viewer)]
