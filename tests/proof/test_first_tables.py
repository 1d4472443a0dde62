"""A first sync of the survey that dies anywhere, with deliveries between, ends with all of its tables."""

from __future__ import annotations

import pytest

from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.form_schema import TableKind
from simulator.options import Options
from tests.support.forms.mirrored_form import CatalogReader, FormDatabase, MirroredForm, body_of
from tests.support.forms.planting import ANSWERS, setup_of
from tests.support.interleaved_server import InterleavedServer
from tests.support.observed_mirror import CUT, DONE

FIRST, MOST = 60, 400  # statements, around those that make the tables


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_survey_is_never_taken_for_one_with_its_own_table_alone(database_url: str) -> None:
    database = FormDatabase(database_url)
    with InterleavedServer(Options(rows=0), (setup_of("survey"),)) as server:
        ids = server.control.create(2, **ANSWERS)
        bodies = [body_of(row) for row in server.control.rows(ids)]
        mirrored = MirroredForm(server, database)
        results = set()
        for cut in range(FIRST, MOST, 4):
            assert mirrored.sync("exact", cut=cut) == CUT
            results.add(mirrored.deliver_anew(bodies[0]))
            if mirrored.mirror.schema is not None:
                break
        assert results == {"deferred", "inserted"}
        assert mirrored.sync("exact") == DONE
        assert mirrored.mirror.form is FORM
        reader = CatalogReader(mirrored, (), {"picture"})
        assert reader.schema.root.kind is TableKind.REST
        assert reader.wrong({row["_id"]: row for row in server.control.rows()}) == {}
        assert mirrored.verify().equal
        mirrored.client.close()
    database.close()
