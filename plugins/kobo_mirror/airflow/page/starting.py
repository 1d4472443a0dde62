"""Which DAG starts a sync, a proof or a replay of a form, and with which parameters: decided here alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kobo_mirror.airflow.page import access
from kobo_mirror.forms.mirror import uid_of
from kobo_mirror.store.listings import BoundForm

SYNC_ALL = "kobo_sync_all"


class Start(NamedTuple):
    """A run that is to be started.

    :param conf: its parameters; those that are None are left to the DAG.
    """

    dag_id: str
    conf: Mapping[str, Any]


def start_of(dag_id: str, form: BoundForm | None, conf: Mapping[str, Any] | None = None) -> Start:
    """Return what starts a run that is about one form.

    The form of the connection ``kobo_default`` has the DAGs as they are. Any other form is synced by a DAG
    of its own, if it has one, else by ``kobo_sync_all``; its parameter ``forms`` says which form is meant.

    :param dag_id: ``kobo_sync``, ``kobo_verify`` or ``kobo_replay``.
    :param form: which one; None: that of the connection.
    :param conf: the parameters of the run.
    """
    given = conf or {}
    if form is None or access.connected_form() == (form.server, uid_of(form.asset_uid)):
        chosen = {"forms": [form.form_table]} if form and access.takes(dag_id, "forms") else {}
        return Start(dag_id, {**given, **chosen})
    if dag_id == access.SYNC:
        own = next(filter(access.is_known, own_dags(form)), None)
        if own is not None:
            return Start(own, given)
        dag_id = SYNC_ALL
    return Start(dag_id, {**given, "forms": [form.form_table]})


def own_dags(form: BoundForm) -> tuple[str, ...]:
    """Return the ids that the DAG of a form with ``own_dag`` may have: see ``dag_ids.dag_id_of``.

    :param form: which one.
    """
    return tuple(f"{access.SYNC}__{name}" for name in (form.form_table, form.asset_uid))
