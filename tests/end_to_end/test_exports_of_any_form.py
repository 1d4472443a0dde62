"""Exports of any form, in each format, beside an independent reading of the catalog and the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from kobo_mirror.export.exporting import Wanted, export_form
from kobo_mirror.views.languages import languages_of
from tests.support.exports import ExportViewed, package_of, read_export, types_of
from tests.support.forms import judging
from tests.support.forms.applied import Applying
from tests.support.forms.histories import histories
from tests.support.forms.judging import UID
from tests.support.forms.oddities import odd_submissions
from tests.support.forms.promoting import drain, finish, note_all_read
from tests.support.forms.row_set_writing import RowSetWriting, forget
from tests.support.forms.submissions import submissions
from tests.support.tables import run_sql

FEW = settings(
    max_examples=1, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
MANY = settings(FEW, max_examples=25)


def check_exports(applying: Applying, data: st.DataObject, folder: Path, count: int) -> None:
    """Versions and submissions: then each export holds what the tables and the catalog say."""
    versions = data.draw(histories(versions=count, most=6))
    documents: dict[int, Any] = {}
    try:
        for number, schema in enumerate(judging.grown(versions)[1:], 1):
            rose = applying.apply(schema).epoch_rose
            rose = finish(applying).epoch_rose or rose
            note_all_read(applying)
            writing = RowSetWriting(applying)
            if rose:
                writing.write(*writing.shape(*documents.values()))
            else:
                drain(applying, documents.values())
            drawn = {i: data.draw(odd_submissions(versions, kobo_id=i)) for i in (1, 2)}
            drawn |= {
                i: data.draw(submissions(versions[number - 1], kobo_id=i))
                for i in (3 * number, 3 * number + 1)
            }
            writing.write(*writing.shape(*drawn.values()))
            documents |= drawn
        languages = [name or "default" for name in versions[-1].tree.languages] or ["default"]
        told = [language.names[0] for language in languages_of(schema)]
        for language in (None, *told[-1:]):
            check(applying.engine, folder, schema.versions, languages, language)
    finally:
        run_sql(applying.engine, "DELETE FROM kobo_to_fetch")
        forget(applying)


def check(engine: Engine, folder: Path, versions: Any, languages: Any, language: str | None) -> None:
    types = None
    for ending in ("zip", "xlsx", "parquet.zip"):
        file = folder / f"e.{ending}"
        summary = export_form(engine, Wanted(language=language), file)
        types = types or types_of(package_of(file))
        tables = read_export(file, types)
        assert {name: len(rows) for name, rows in tables.items()} == summary.counts
        ExportViewed(engine, UID, versions, languages, tables=tables, language=language).check()
    assert [path.name for path in folder.iterdir() if "part" in path.name] == []


@given(data=st.data())
@FEW
def test_exports_of_any_form_hold_its_tables(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check_exports(Applying(engine), data, tmp_path_factory.mktemp("exports"), 3)


@pytest.mark.long
@given(data=st.data())
@MANY
def test_exports_of_many_forms_hold_their_tables(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check_exports(Applying(engine), data, tmp_path_factory.mktemp("exports"), 6)
