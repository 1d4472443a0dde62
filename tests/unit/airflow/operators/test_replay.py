from __future__ import annotations

import pytest
from sqlalchemy import Engine

from kobo_mirror.errors import (
    DeletesWaitError,
    LeaseError,
)
from kobo_mirror.store import dead_letters
from kobo_mirror.store.leases import take_lease
from kobo_mirror.store.tables import dead_letters as dead_letters_table
from simulator.process import SimulatorProcess
from tests.support.submissions import body, submission
from tests.support.tables import ages, rows_of
from tests.support.task_runs import TaskRun


@pytest.mark.parametrize("ids", ["chosen", "all"])
def test_mended_submissions_are_replayed_and_the_rest_stays(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess, ids: str
) -> None:
    mended, left = simulator.control.create(2, cd_age="forty")
    run.execute("KoboOperator")
    simulator.control.edit(mended, cd_age=40)
    taken = dead_letters.keep(
        engine, body=body(submission(9_999_999, _xform_id_string=simulator.asset)), source="t", reason="r"
    )
    refused = dead_letters.keep(engine, body=b"{", source="t", reason="r")
    chosen = {"rejections": f"[{mended}, {left}]", "dead_letters": f"[{taken}, {refused}]"}
    given = chosen if ids == "chosen" else {"rejections": "None", "dead_letters": "[]"}
    sentence = run.execute("KoboReplayOperator", **given)
    assert sentence == (
        f"2 of 4 replayed: 1 mended ({mended}), 1 rejected ({left}: it does not fit the table), "
        f"1 inserted ({taken}), 1 refused ({refused}: no submission of this form)"
    )
    assert run.left == {"kobo_mirror_note": sentence}
    assert ages(engine)[mended] == 40
    assert 9_999_999 in ages(engine)
    assert left not in ages(engine)


@pytest.mark.parametrize("kind", ["rejections", "dead_letters"])
def test_a_replay_of_one_kind_leaves_the_other_alone(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess, kind: str
) -> None:
    (mended,) = simulator.control.create(1, cd_age="forty")
    run.execute("KoboOperator")
    simulator.control.edit(mended, cd_age=40)
    letter = dead_letters.keep(
        engine, body=body(submission(9_999_999, _xform_id_string=simulator.asset)), source="t", reason="r"
    )
    run.execute("KoboReplayOperator", **{kind: f"[{mended if kind == 'rejections' else letter}]"})
    assert (mended in ages(engine), 9_999_999 in ages(engine)) == (
        kind == "rejections",
        kind == "dead_letters",
    )


def test_a_replay_beside_a_sync_says_who_holds_the_form_and_has_taken_nothing(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess
) -> None:
    (rejected,) = simulator.control.create(1, cd_age="forty")
    run.execute("KoboOperator")
    letter = dead_letters.keep(engine, body=b"{", source="t", reason="r")
    take_lease(engine, simulator.asset, "kobo_sync scheduled__1")
    with pytest.raises(LeaseError, match="kobo_sync scheduled__1 holds this form"):
        run.execute("KoboReplayOperator", rejections=[rejected], dead_letters=[letter])
    assert [row["attempts"] for row in rows_of(engine, dead_letters_table)] == [0]


def test_a_replay_or_repair_tells_what_it_mended_though_deletes_wait(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    (mended,) = simulator.control.create(1, cd_age="forty")
    run.execute("KoboOperator")
    edited, *gone = simulator.control.ids()[:31]
    simulator.control.delete(gone)
    with pytest.raises(DeletesWaitError):
        run.execute("KoboOperator", mode="exact")
    simulator.control.edit(mended, cd_age=40)
    sentence = run.execute("KoboReplayOperator", rejections=[mended])
    assert sentence.startswith(f"1 replayed: 1 mended ({mended}). 30 of 301 submissions have gone")
    assert run.left["kobo_mirror_note"] == sentence
    simulator.control.edit(edited, cd_age=41)
    with pytest.raises(AirflowFailException, match=r"30 differences \(30 extra\)\. 30 of 301 submissions"):
        run.execute("KoboVerifyOperator", repair="True")
    assert (ages(engine)[mended], ages(engine)[edited], len(ages(engine))) == (40, 41, 301)
