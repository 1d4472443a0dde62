"""A token that sees less for a moment makes nothing look deleted, whichever questions that moment covers."""

from __future__ import annotations

from contextlib import suppress
from itertools import combinations

import pytest

from kobo_mirror.errors import KoboMirrorError
from simulator.world import OWNER, OWNER_PERMISSIONS
from tests.support.laboratory import Laboratory
from tests.support.living_server import Moment

ROWS = 12
LAST = 4  # so many requests before the end of a sync it begins to ask for what is in doubt


def see(lab: Laboratory, *, all_of_it: bool) -> None:
    """Change the token's rights: to all submissions, or to those of one person only."""
    rights = OWNER_PERMISSIONS if all_of_it else ("view_asset", "partial_submissions")
    names = () if all_of_it else ("enumerator_kgl",)
    lab.living.control.user(lab.living.token, OWNER, rights, names)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_token_does_not_see_for_a_moment_is_not_deleted(lab: Laboratory) -> None:
    control = lab.living.control
    control.reset(rows=ROWS)
    control.form(media=False)
    lab.run("exact")
    shown = control.rows()
    hidden = next(row["_id"] for row in shown if row["_submitted_by"] != "enumerator_kgl")
    control.edit(hidden, cd_age="20")
    control.clear_requests()
    lab.run("exact")
    number = len(control.requests())
    for narrow, widen, narrow_again in combinations(range(number - LAST, number + 3), 3):
        control.edit(hidden, cd_age=str(20 + narrow))
        moments = [
            Moment(narrow, False, lambda: see(lab, all_of_it=False)),
            Moment(widen, False, lambda: see(lab, all_of_it=True)),
            Moment(narrow_again, False, lambda: see(lab, all_of_it=False)),
        ]
        with suppress(KoboMirrorError), lab.living.meanwhile(moments):
            lab.sync().run(mode="exact")
        assert hidden not in lab.contents().deleted, (narrow, widen, narrow_again)
        see(lab, all_of_it=True)
        lab.run("exact")
        assert len(lab.contents().rows) == ROWS
