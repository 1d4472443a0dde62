"""To which form a form table is bound, and that it stays so."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, inspect

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.bindings import bound_to
from tests.support.submissions import ASSET, MIRROR, SERVER


def test_a_form_table_mirrors_one_form_for_ever(engine: Engine) -> None:
    assert bound_to(engine, MIRROR) is None
    bind(engine, MIRROR)
    bind(engine, MIRROR)
    others = [
        Mirror(KOBO_RECORDS, "https://other.example", ASSET),
        Mirror(KOBO_RECORDS, SERVER, "aOther000000000000001"),
    ]
    for other in others:
        with pytest.raises(SchemaError) as caught:
            bind(engine, other)
        mine, wanted = f"form {ASSET} of {SERVER}", f"{other.asset_uid} of {other.server}"
        advice = "set KOBO_URL and KOBO_ASSET_ID back, or use another database."
        assert str(caught.value) == f"The table kobo_records mirrors {mine}, not {wanted}: {advice}"
    assert bound_to(engine, MIRROR) == (SERVER, ASSET)


def test_without_our_tables_nothing_is_bound(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    with pytest.raises(SchemaError, match="run `python -m kobo_mirror migrate`"):
        bind(engine, MIRROR)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
