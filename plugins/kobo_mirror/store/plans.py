"""Plans: the steps that versions of a form ask of its tables, which of them wait, and what became of each.

A plan that waits has a code that names its very list of steps. It serves once: another list gets another
code, and a plan that was applied or replaced takes no approval. Rows are never deleted: they are the form's
history.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from kobo_mirror.config.policies import REVIEW
from kobo_mirror.database.engine import moment_of, now, transact
from kobo_mirror.errors import ConfigurationError, SchemaError
from kobo_mirror.forms.plan import Care, Plan
from kobo_mirror.store.catalog_tables import plans

_T = plans.c
_OPEN = _T.applied_at.is_(None) & _T.replaced_at.is_(None)
_LAST = func.coalesce(_T.applied_at, _T.replaced_at, _T.declined_at, _T.approved_at, _T.noticed_at)


@dataclass(frozen=True)
class StoredPlan:
    """A plan as ``kobo_plans`` has it. Times are UTC.

    :param code: twelve hexadecimal digits.
    :param policy: what ``schema`` in ``kobo.yml`` was when it was noticed.
    :param made_from: 16 bytes of what it was derived from: while these are the same, so is the plan.
    :param noticed_at: by a sync, or by the command ``plan``.
    :param approved_at: by a person.
    :param declined_at: by a person: the tables stay as they are, and the light may be green.
    :param applied_at: its steps shape rows since then.
    :param replaced_at: another list waits in its place, or none.
    """

    code: str
    plan: Plan
    policy: str
    made_from: bytes | None
    noticed_at: datetime
    approved_at: datetime | None = None
    declined_at: datetime | None = None
    applied_at: datetime | None = None
    replaced_at: datetime | None = None

    @property
    def last_at(self) -> datetime:
        """When the last thing happened to it."""
        later = self.applied_at or self.replaced_at or self.declined_at or self.approved_at
        return later or self.noticed_at

    @property
    def waits_for_a_person(self) -> bool:
        """True if it is open, and only a person can decide about it."""
        if any((self.approved_at, self.declined_at, self.applied_at, self.replaced_at)):
            return False
        return self.policy == REVIEW or self.plan.care is Care.CAREFUL


def open_plan(connection: Connection, asset_uid: str) -> StoredPlan | None:
    """Return the plan of a form that was not applied yet, whether or not a person has decided about it.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :raises SchemaError: it was changed by hand.
    """
    query = select(plans).where(_T.asset_uid == asset_uid, _OPEN)
    row = connection.execute(query.order_by(_T.noticed_at.desc(), _T.code).limit(1)).one_or_none()
    return _stored(row) if row else None


def open_plans_of_all(connection: Connection) -> dict[str, StoredPlan | SchemaError]:
    """Return what ``open_plan`` does for each form that has one, by its key, or why it cannot be read.

    :param connection: an open transaction.
    """
    found: dict[str, StoredPlan | SchemaError] = {}
    for row in connection.execute(select(plans).where(_OPEN).order_by(_T.noticed_at, _T.code.desc())):
        try:
            found[row.asset_uid] = _stored(row)
        except SchemaError as problem:
            found[row.asset_uid] = problem
    return found


def plans_of(connection: Connection, asset_uid: str, limit: int) -> list[StoredPlan]:
    """Return the plans of a form, first of all that to which something happened last.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param limit: how many at most.
    :raises SchemaError: one was changed by hand.
    """
    query = select(plans).where(_T.asset_uid == asset_uid)
    rows = connection.execute(query.order_by(_LAST.desc(), _T.code).limit(limit))
    return [_stored(row) for row in rows]


def changed_since(connection: Connection, asset_uid: str, moment: datetime) -> list[StoredPlan]:
    """Return the plans of a form that were noticed or applied since a moment, the oldest first.

    The one that made the form's first tables is left out.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param moment: by the database's clock (UTC).
    :raises SchemaError: one was changed by hand.
    """
    is_new = (_T.noticed_at >= moment) | (_T.applied_at >= moment)
    query = select(plans).where(_T.asset_uid == asset_uid, is_new).order_by(_T.noticed_at, _T.code)
    found = [_stored(row) for row in connection.execute(query)]
    first = connection.scalar(select(func.min(_T.noticed_at)).where(_T.asset_uid == asset_uid))
    return [one for one in found if one.noticed_at != first or not one.plan.makes_tables_alone]


def note_open(
    connection: Connection, asset_uid: str, plan: Plan, policy: str, made_from: bytes | None = None
) -> StoredPlan:
    """Note that a plan is not applied yet.

    :param connection: a transaction that holds the row of the form.
    :param asset_uid: the form key.
    :param plan: what waits.
    :param policy: as ``StoredPlan`` has it.
    :param made_from: as ``StoredPlan`` has it.
    :returns: the plan with its code: the same one for the same list.
    """
    known = open_plan(connection, asset_uid)
    if known is not None and known.plan.digest == plan.digest:
        values = {"made_from": made_from, "policy": policy, "versions": json.dumps(plan.versions)}
        connection.execute(update(plans).where(_T.code == known.code).values(values))
        return known
    close_open(connection, asset_uid)
    return _insert(connection, asset_uid, plan, {"policy": policy, "made_from": made_from})


def close_open(connection: Connection, asset_uid: str) -> None:
    """Note that no plan of a form waits any longer.

    :param connection: a transaction that holds the row of the form.
    :param asset_uid: the form key.
    """
    connection.execute(update(plans).where(_T.asset_uid == asset_uid, _OPEN).values(replaced_at=now()))


def note_applied(connection: Connection, asset_uid: str, plan: Plan, policy: str) -> None:
    """Note that the steps of a plan shape rows from now on.

    The plan that waits is the one that was applied if it is the same list; else it stays as it is.

    :param connection: the transaction of the flip.
    :param asset_uid: the form key.
    :param plan: without steps: nothing is noted.
    :param policy: as ``StoredPlan`` has it.
    """
    if not plan.steps:
        return
    known = open_plan(connection, asset_uid)
    if known is not None and known.plan.digest == plan.digest:
        connection.execute(update(plans).where(_T.code == known.code).values(applied_at=now()))
    else:
        moment = moment_of(connection)
        _insert(connection, asset_uid, plan, {"policy": policy, "noticed_at": moment, "applied_at": moment})


def owner_of(connection: Connection, code: str) -> str | None:
    """Return the key of the form that a plan is about, or None if there is no such plan.

    :param connection: an open transaction.
    :param code: names the plan.
    """
    return connection.scalar(select(plans.c.asset_uid).where(plans.c.code == code))


def approve(engine: Engine, asset_uid: str, code: str) -> StoredPlan:
    """Note that a person has approved a plan: the next sync applies it.

    :param engine: made by ``open_engine``.
    :param asset_uid: the form key.
    :param code: names the plan.
    :returns: the plan.
    :raises ConfigurationError: no plan of this form waits under the code.
    """
    return transact(engine, lambda connection: _decide(connection, asset_uid, code, "approved_at"))


def decline(engine: Engine, asset_uid: str, code: str) -> StoredPlan:
    """Note that a person wants the tables to stay as they are: the same list is not asked about again.

    :param engine: made by ``open_engine``.
    :param asset_uid: the form key.
    :param code: names the plan.
    :returns: the plan.
    :raises ConfigurationError: no plan of this form waits under the code.
    """
    return transact(engine, lambda connection: _decide(connection, asset_uid, code, "declined_at"))


def require_open(connection: Connection, asset_uid: str, code: str, *, applied_will_do: bool = False) -> None:
    """Refuse a code under which no plan of a form waits.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param code: twelve hexadecimal digits.
    :param applied_will_do: accept a plan that was applied, too: by an earlier attempt of the same run.
    :raises ConfigurationError: there is none.
    """
    known = open_plan(connection, asset_uid)
    if known is not None and known.code == code:
        return
    if applied_will_do and code.isascii():  # the server may refuse to compare others with a column of ASCII
        mine = (_T.code == code) & (_T.asset_uid == asset_uid) & _T.applied_at.is_not(None)
        if connection.execute(select(_T.code).where(mine)).first():
            return
    shown = f"the one that waits has the code {known.code}" if known else "none waits"
    raise ConfigurationError(
        f"No plan waits under the code that was given, so nothing was changed: {shown} (`python -m "
        "kobo_mirror plan` shows it)."
    )


def _decide(connection: Connection, asset_uid: str, code: str, column: str) -> StoredPlan:
    require_open(connection, asset_uid, code)
    values = {"approved_at": None, "declined_at": None, column: now()}
    connection.execute(update(plans).where(_T.code == code, _OPEN).values(values))
    require_open(connection, asset_uid, code)
    row = connection.execute(select(plans).where(_T.code == code)).one()
    return _stored(row)


def _insert(connection: Connection, asset_uid: str, plan: Plan, further: Mapping[str, Any]) -> StoredPlan:
    values = {
        "code": secrets.token_hex(6),
        "asset_uid": asset_uid,
        "digest": plan.digest,
        "versions": json.dumps(plan.versions),
        "steps": plan.to_json(),
        "noticed_at": moment_of(connection),
        **further,
    }
    connection.execute(insert(plans).values(values))
    return _stored(connection.execute(select(plans).where(_T.code == values["code"])).one())


def _stored(row: Row[Any]) -> StoredPlan:
    try:
        plan = Plan.from_json(row.steps, json.loads(row.versions))
    except (msgspec.DecodeError, ValueError):
        raise SchemaError(
            f"The plan {row.code} in kobo_plans cannot be read: it was written by another version of Kobo "
            "Mirror, or changed by hand; use that version, or delete the row."
        ) from None
    times = (row.noticed_at, row.approved_at, row.declined_at, row.applied_at, row.replaced_at)
    return StoredPlan(row.code, plan, row.policy, row.made_from, *times)
