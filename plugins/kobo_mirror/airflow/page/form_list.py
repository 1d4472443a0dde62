"""The list of all forms: how each stands, problems first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from kobo_mirror.airflow.page import access, contents, view_models
from kobo_mirror.airflow.page.kobo_links import address
from kobo_mirror.airflow.page.list_schemas import FormList, ListedForm
from kobo_mirror.database.engine import moment_of, reading
from kobo_mirror.forms.declared import FORM
from kobo_mirror.store.days import days_since
from kobo_mirror.store.lights import Light, judge, light_of
from kobo_mirror.store.listings import NamedForm, named_forms
from kobo_mirror.store.overview import MirrorState
from kobo_mirror.store.overview_of_all import read_states
from kobo_mirror.store.schema import require_tables
from kobo_mirror.store.shown_runs import forms_that_never_began

_DAYS = 30
_ORDER = {light: place for place, light in enumerate((Light.RED, Light.AMBER, Light.GREEN))}


def forms(user: access.Viewer) -> FormList:
    """Return the forms that the database mirrors, how each stands, those with problems first.

    :param user: who asks, by Airflow's login.
    """
    engine = access.target_engine()
    require_tables(engine, derived=False)
    with reading(engine) as connection:
        return list_of(connection)


def list_of(connection: Connection) -> FormList:
    """Return all forms and how each stands, in a number of statements that does not grow with them.

    :param connection: an open transaction.
    """
    moment = moment_of(connection)
    first_day = moment.date() - timedelta(days=_DAYS - 1)
    states, days = (
        read_states(connection, FORM, columns=contents.kept_columns_of, views=contents.kept_views_of),
        days_since(connection, first_day),
    )
    secret_of = access.shown_secrets()
    found = [
        _listed(form, states[form.asset_uid], _by_day(days.get(form.asset_uid, {}), first_day), secret_of)
        for form in named_forms(connection)
        if form.asset_uid in states
    ]
    for key, run in forms_that_never_began(connection).items():
        failure = view_models.failure_of_run(run)
        found.append(
            ListedForm(
                asset_uid=key, server="", form_table=None, name="", light=Light.RED, findings=[],
                problem=failure,
            )
        )  # fmt: skip
    found.sort(key=lambda one: (_ORDER[one.light], (one.name or one.asset_uid).casefold(), one.asset_uid))
    return FormList(forms=found, first_day=first_day)


def _listed(
    form: NamedForm, state: MirrorState | Any, days: list[int], secret_of: access.SecretOf
) -> ListedForm:
    shown = {**form._asdict(), "days": days}
    if not isinstance(state, MirrorState):
        return ListedForm(**shown, light=Light.RED, findings=[], problem=view_models.failure_of(state))
    secret = secret_of(form.asset_uid, state.registrations)
    findings = judge(state, due=view_models.due_of(state), secret=secret)
    return ListedForm(
        **shown,
        light=light_of(findings),
        findings=view_models.findings_of(findings),
        running=state.lease_holder,
        on_server=view_models.on_server_of(state.on_server),
        in_mirror=state.applied,
        rejected=state.rejected,
        proof=view_models.proof_of(state.proof),
    )


def _by_day(counts: Mapping[date, int], first: date) -> list[int]:
    return [max(0, counts.get(first + timedelta(days=number), 0)) for number in range(_DAYS)]


def counts_of(listed: Collection[ListedForm]) -> dict[str, int]:
    """Return how many forms have each light, by its name.

    :param listed: the forms.
    """
    lights = [one.light for one in listed]
    return {light.value: lights.count(light) for light in Light}


def seen(connection: Connection) -> dict[str, Any]:
    """Return what the page shows of all forms.

    :param connection: an open transaction.
    """
    found = list_of(connection)
    servers = {one.server for one in found.forms if one.server}
    return {
        "listed": found.forms,
        "counts": counts_of(found.forms),
        "sparks": {one.asset_uid: spark_of(one.days) for one in found.forms},
        "addresses": {one.asset_uid: address(one.server, one.asset_uid) for one in found.forms},
        "has_servers": len(servers) > 1,
    }


_WIDTH, _HEIGHT, _BAR = 3, 24, 2


def spark_of(days: list[int]) -> str:
    """Return bars as the path of an SVG that is 90 wide and 24 high, one for each day that has submissions.

    :param days: numbers, none of them negative.
    """
    most = max(days, default=0)
    bars = (
        (number * _WIDTH, max(1, round(_HEIGHT * count / most))) for number, count in enumerate(days) if count
    )
    return "".join(f"M{at} {_HEIGHT}v-{high}h{_BAR}v{high}z" for at, high in bars)
