"""One submission that is no JSON, or is nested too deeply: all others of the form arrive, every time."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.store.tables import sync_runs
from tests.support.mirroring import Mirroring
from tests.support.reverse_proxy import ReverseProxy, spelling
from tests.support.submissions import QUESTION
from tests.support.tables import answers, ledger, rows_of

NO_JSON = {
    b"NaN": "is NaN, which JSON does not have",
    b"-Infinity": "is -Infinity, which JSON does not have",
    b"1e999": "is a number that is too large",
    b"9" * 5000: "is a number of too many digits",
    b'"caf\xe9"': "holds bytes that are not UTF-8",
    b'"\\ud83d"': "holds half a character (a lone surrogate)",
}
DEPTHS = (120, 1_500, 100_000)
BESIDE_THE_COLUMNS = ("_geolocation", "cd_other", "_validation_status", "_submitted_by", "_attachments")
ROWS = 40


def asking(mirroring: Mirroring, front: ReverseProxy) -> KoboClient:
    simulator = mirroring.simulator
    return open_form(front.url, simulator.token, simulator.asset, attempts=2, sleep=mirroring.slept.append)


def sync(mirroring: Mirroring, front: ReverseProxy, **options: Any) -> dict[str, Any]:
    return mirroring.sync(asking(mirroring, front), page_size=15, **options)


def swept(mirroring: Mirroring) -> int | None:
    """How many doubts the last sweep had."""
    found: int | None = rows_of(mirroring.engine, sync_runs)[-1]["sweep_found"]
    return found


@pytest.mark.parametrize("value", NO_JSON)
def test_a_value_that_is_no_json_beside_the_columns_is_in_no_ones_way(
    embedded: Mirroring, value: bytes
) -> None:
    control = embedded.simulator.control
    control.reset(rows=ROWS)
    for odd, key in zip(control.ids()[18:], BESIDE_THE_COLUMNS, strict=False):
        control.raw(odd, {key: ["@odd@", {"a": "@odd@"}]})
    with ReverseProxy(embedded.simulator.url, spelling(value)) as front:
        assert sync(embedded, front)["inserted"] == ROWS
        again = sync(embedded, front, mode="exact", since=0)
        assert (again["unchanged"], swept(embedded)) == (ROWS, 0)
    assert len(answers(embedded.engine)) == ROWS


@pytest.mark.parametrize(("value", "fault"), NO_JSON.items())
def test_a_value_that_is_no_json_in_a_column_is_a_rejection_that_names_it(
    mirroring: Mirroring, value: bytes, fault: str
) -> None:
    control = mirroring.simulator.control
    control.reset(rows=ROWS)
    odd = control.ids()[20]
    control.raw(odd, {QUESTION["client_name"]: "@odd@"})
    with ReverseProxy(mirroring.simulator.url, spelling(value)) as front:
        result = sync(mirroring, front, keep_payloads="all")
        again = sync(mirroring, front, mode="exact", since=0, keep_payloads="all")
    assert (result["inserted"], result["rejected"]) == (ROWS - 1, 1)
    assert (again["unchanged"], swept(mirroring)) == (ROWS, 0)
    held = ledger(mirroring.engine)[odd]
    assert held["reason"] == f"client_name: the answer to sec_c/cd_client_name {fault}"
    assert QUESTION["client_name"] in held["payload"]


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_row_that_is_nested_without_end_is_a_rejection(embedded: Mirroring, depth: int) -> None:
    control = embedded.simulator.control
    control.reset(rows=ROWS)
    keys = (*BESIDE_THE_COLUMNS, QUESTION["age"])
    odd = dict(zip(control.ids()[18:], keys, strict=False))
    for kobo_id, key in odd.items():
        control.raw(kobo_id, {key: {"uid": "validation_status_approved", "timestamp": 1, "more": "@odd@"}})
    nested = b'{"a":[' * (depth // 2) + b"]}" * (depth // 2)
    with ReverseProxy(embedded.simulator.url, spelling(nested)) as front:
        result = sync(embedded, front)
        assert (result["inserted"], result["rejected"]) == (ROWS - len(odd), len(odd))
        again = sync(embedded, front, mode="exact", since=0)
        assert (again["unchanged"], swept(embedded)) == (ROWS, 0)
    held = ledger(embedded.engine)
    assert {held[kobo_id]["state"] for kobo_id in odd} == {"rejected"}
    assert {held[kobo_id]["reason"] for kobo_id in odd} == {"the body is nested too deeply"}
    assert all(nested.decode() in held[kobo_id]["payload"] for kobo_id in odd)
    for kobo_id, key in odd.items():
        control.raw(kobo_id, {QUESTION["age"]: "34"}, {key} - {QUESTION["age"]})
    assert embedded.sync(mode="exact", since=0)["updated"] == len(odd)
    assert embedded.verify().equal
