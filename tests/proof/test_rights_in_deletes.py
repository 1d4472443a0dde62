"""A token that sees less for a moment makes nothing look deleted, whichever questions that moment covers."""

from __future__ import annotations

from contextlib import suppress
from itertools import combinations

import pytest

from kobo_mirror.errors import KoboMirrorError
from simulator.users import OWNER, OWNER_PERMISSIONS
from tests.support.interleaved_server import ScheduledAction
from tests.support.mirrored_server import MirroredServer

ROWS = 12
LAST = 4  # so many requests before the end of a sync it begins to ask for what is in doubt


def see(mirrored: MirroredServer, *, all_of_it: bool) -> None:
    """Change the token's rights: to all submissions, or to those of one person only."""
    rights = OWNER_PERMISSIONS if all_of_it else ("view_asset", "partial_submissions")
    names = () if all_of_it else ("enumerator_kgl",)
    mirrored.server.control.user(mirrored.server.token, OWNER, rights, names)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_token_does_not_see_for_a_moment_is_not_deleted(mirrored: MirroredServer) -> None:
    control = mirrored.server.control
    control.reset(rows=ROWS)
    control.form(media=False)
    mirrored.run("exact")
    shown = control.rows()
    hidden = next(row["_id"] for row in shown if row["_submitted_by"] != "enumerator_kgl")
    control.edit(hidden, cd_age="20")
    control.clear_requests()
    mirrored.run("exact")
    number = len(control.requests())
    for narrow, widen, narrow_again in combinations(range(number - LAST, number + 3), 3):
        control.edit(hidden, cd_age=str(20 + narrow))
        moments = [
            ScheduledAction(narrow, False, lambda: see(mirrored, all_of_it=False)),
            ScheduledAction(widen, False, lambda: see(mirrored, all_of_it=True)),
            ScheduledAction(narrow_again, False, lambda: see(mirrored, all_of_it=False)),
        ]
        with suppress(KoboMirrorError), mirrored.server.meanwhile(moments):
            mirrored.sync().run(mode="exact")
        assert hidden not in mirrored.contents().deleted, (narrow, widen, narrow_again)
        see(mirrored, all_of_it=True)
        mirrored.run("exact")
        assert len(mirrored.contents().rows) == ROWS
