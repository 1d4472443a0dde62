"""The history of a form: its versions and its plans, by what happened last."""

from __future__ import annotations

from datetime import datetime, timedelta

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.forms.plan import Care, Plan, Step, What
from kobo_mirror.store.form_history import Deployed, History, history_of
from kobo_mirror.store.kept_versions import FormVersion, keep_versions
from kobo_mirror.store.plans import decline, note_applied, note_open
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID

DAY = datetime(2020, 11, 1)  # noqa: DTZ001  # UTC, as the tables have it
MONTH = timedelta(days=30)


def plan_of(*columns: str) -> Plan:
    return Plan((Step(care=Care.CAREFUL, what=What.COLUMNS, table="survey", columns=columns),), ("v1",))


def entries(history: History) -> list[str]:
    """Of each entry the uid of the version, or the column of the plan."""
    return [one.uid if isinstance(one, Deployed) else one.plan.steps[0].columns[0] for one in history.entries]


def test_what_happened_last_comes_first_and_any_part_can_be_had(applying: Applying) -> None:
    engine = applying.engine
    far = datetime(2200, 1, 1)  # noqa: DTZ001  # a server whose clock is ahead
    moments = {"v1": DAY, "v2": DAY, "v3": None, "v4": DAY + MONTH, "v5": None, "v6": far}
    versions = [FormVersion(uid, at, None, b"{}") for uid, at in moments.items()]
    transact(engine, lambda connection: keep_versions(connection, UID, versions))
    declined = transact(engine, lambda c: note_open(c, UID, plan_of("declined"), "additive"))
    transact(engine, lambda connection: note_applied(connection, UID, plan_of("applied"), "additive"))
    decline(engine, UID, declined.code)
    with reading(engine) as connection:
        whole = history_of(connection, UID, skip=0, limit=50)
        parts = [history_of(connection, UID, skip=skip, limit=3) for skip in (0, 3, 6, 9)]
        none = history_of(connection, "aOther", skip=0, limit=3)
    assert entries(whole) == ["v6", "declined", "applied", "v4", "v2", "v1", "v5", "v3"]
    assert [one for part in parts for one in entries(part)] == entries(whole)
    assert [part.has_more for part in parts] == [True, True, False, False]
    assert whole.numbers == {uid: number for number, uid in enumerate(moments, 1)}
    assert none == ((), False, {})
