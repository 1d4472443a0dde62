"""The history of a form: the versions that were deployed, and the plans that they brought."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from kobo_mirror.store.catalog_tables import form_versions
from kobo_mirror.store.plans import StoredPlan, plans_of


class Deployed(NamedTuple):
    """A version of a form.

    :param number: from 1 on, in the order in which the versions were deployed.
    :param uid: by which KoboToolbox names it.
    :param deployed_at: UTC, by the server's clock; None: the server does not tell.
    """

    number: int
    uid: str
    deployed_at: datetime | None


class History(NamedTuple):
    """A part of the history of a form.

    :param entries: versions and plans, what happened last first; at one moment, a plan before its version.
    :param has_more: there are older ones.
    :param numbers: the number of each version by its uid.
    """

    entries: tuple[Deployed | StoredPlan, ...]
    has_more: bool
    numbers: Mapping[str, int]


def version_numbers(connection: Connection, asset_uid: str) -> dict[str, int]:
    """Return the number of each version of a form by its uid.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    """
    return {version.uid: version.number for version in _versions(connection, asset_uid)}


def history_of(connection: Connection, asset_uid: str, *, skip: int, limit: int) -> History:
    """Return what happened to a form. What has no time is the oldest.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param skip: leave out so many of the newest.
    :param limit: how many at most.
    :raises SchemaError: a plan was changed by hand.
    """
    versions = _versions(connection, asset_uid)
    numbers = {version.uid: version.number for version in versions}
    placed: list[tuple[datetime, bool, Deployed | StoredPlan]] = [
        (version.deployed_at, False, version) for version in versions if version.deployed_at
    ]
    placed += [(plan.last_at, True, plan) for plan in plans_of(connection, asset_uid, skip + limit + 1)]
    placed.sort(key=lambda one: one[:2], reverse=True)
    undated = (version for version in versions if not version.deployed_at)
    ordered = [*(entry for _, _, entry in placed), *undated][skip:]
    return History(tuple(ordered[:limit]), len(ordered) > limit, numbers)


def _versions(connection: Connection, asset_uid: str) -> list[Deployed]:
    t = form_versions.c
    query = select(t.number, t.uid, t.deployed_at).where(t.asset_uid == asset_uid)
    return [Deployed(*row) for row in connection.execute(query.order_by(t.number.desc()))]
