"""Submissions that the simulator draws for any form: every answer has its column, every file its question."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.submissions.shaper import Shaper
from simulator.form_file import FormSetup
from simulator.options import Options
from simulator.world import World
from tests.simulator.any_forms import EVERYTHING, FIRST, PEOPLE, SECOND

ASSET = "aForm"


@pytest.mark.parametrize("contents", [(EVERYTHING,), (PEOPLE,), (FIRST, SECOND)])
def test_nothing_is_rejected_or_unexplained(contents: tuple[dict[str, Any], ...]) -> None:
    setup = FormSetup(uid=ASSET, name="f", formhub_uuid="f" * 32, contents=contents, rows=60)
    project = World(Options(), [setup]).first
    versions = [read_version(one.uid, one.content) for one in project.form.versions.listed()[::-1]]
    shaper = Shaper(derive(ASSET, "f", versions))
    for kobo_id in list(project.store.ids):
        before = shaper.shape(project.store.row(kobo_id))
        assert before.rejected == () and not any(row.extra for row in before.rows)
        assert {file.matched for file in before.files} <= {"exact"}
        project.validate([kobo_id], "approved")
        project.validate([kobo_id], None)
        assert shaper.shape(project.store.row(kobo_id)).digest() == before.digest()
