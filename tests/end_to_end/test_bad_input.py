"""Submissions that do not fit the form table: each is a rejection with a reason, and stops no other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.mirroring import Mirroring
from tests.support.submissions import QUESTION
from tests.support.tables import answers, ledger

SECRET = "Uwimana-0788"
DATE = "survey_date: the answer to cd_survey_date"
TIME = "submission_time: the answer to _submission_time"
ODD: list[tuple[dict[str, Any], list[str], str]] = [
    ({}, ["unique_id"], "unique_id: the answer to sec_a/unique_id is missing"),
    ({"age": "abc"}, [], "age: the answer to sec_c/cd_age is not a whole number"),
    ({"age": SECRET}, [], "age: the answer to sec_c/cd_age is not a whole number"),
    ({"age": 10**30}, [], "age: the answer to sec_c/cd_age is not between -2147483648 and 2147483647"),
    (
        {"client_name": SECRET * 25},
        [],
        "client_name: the answer to sec_c/cd_client_name has 300 characters; at most 255 fit",
    ),
    ({"survey_date": "2024-13-45"}, [], f"{DATE} is no day of the calendar"),
    (
        {"client_name": f"{SECRET}\ud83d"},
        [],
        "client_name: the answer to sec_c/cd_client_name holds half a character (a lone surrogate)",
    ),
    ({"phone": {"a": SECRET}}, [], "phone: the answer to sec_c/cd_clients_phone is not a text"),
    ({"region": None, "program": ""}, [], "region: the answer to sec_a/cd_biz_region_name is missing; "
        "program: the answer to sec_b/cd_program is missing"),
    ({"survey_date": "0999-12-31"}, [], f"{DATE} is before the year 1000"),
    ({}, ["_submission_time"], f"{TIME} is missing"),
    ({"_submission_time": SECRET}, [], f"{TIME} is not a time such as 2026-01-31T23:59:59"),
]  # fmt: skip
FINE: list[dict[str, Any]] = [
    {"client_name": "👩🏾‍🌾 and \x00 zero", "location": "\x00"},
    {"cd_other": "\ud83d"},
    {"cd_other": [[[SECRET]]] * 50, "members": "no list"},
    {"_attachments": None, "_geolocation": "nowhere", "_validation_status": None},
    {"_submitted_by": "x" * 2000},
    {"_validation_status": {"uid": "u" * 500, "timestamp": "yesterday"}},
    {"alt_phone": None, "disability": None, "business_operating": ""},
    {"meta/instanceID": None, "meta/rootUuid": None},
    {"_uuid": None, "meta/instanceID": "", "meta/rootUuid": 17},
    {"__version__": None, "_xform_id_string": None, "_submitted_by": None},
]


def plant(mirroring: Mirroring, kobo_id: int, keys: dict[str, Any], lacking: list[str]) -> None:
    """Put keys into a submission, by column or as they are."""
    mirroring.simulator.control.raw(
        kobo_id,
        {QUESTION.get(name, name): value for name, value in keys.items()},
        [QUESTION.get(name, name) for name in lacking],
    )


def test_what_does_not_fit_is_rejected_and_the_rest_arrives(mirroring: Mirroring) -> None:
    control = mirroring.simulator.control
    ids = control.ids()
    odd, fine = ids[100 : 100 + len(ODD)], ids[200 : 200 + len(FINE)]
    for kobo_id, (keys, lacking, _) in zip(odd, ODD, strict=True):
        plant(mirroring, kobo_id, keys, lacking)
    for kobo_id, keys in zip(fine, FINE, strict=True):
        plant(mirroring, kobo_id, keys, [])
    result = mirroring.sync()
    assert (result["inserted"], result["rejected"]) == (300 - len(ODD), len(ODD))
    assert result["sentence"].startswith(f"success, with {len(ODD)} rejected: ")
    held, rows = ledger(mirroring.engine), answers(mirroring.engine)
    assert {kobo_id: held[kobo_id]["reason"] for kobo_id in odd} == {
        kobo_id: said for kobo_id, (_, _, said) in zip(odd, ODD, strict=True)
    }
    assert {row["state"] for row in held.values() if row["kobo_id"] not in odd} == {"applied"}
    assert SECRET not in "".join(str(row["reason"]) for row in held.values())
    assert all(held[kobo_id]["payload"] for kobo_id in odd)
    assert set(rows) == set(ids) - set(odd)
    assert rows[fine[0]]["client_name"] == "👩🏾‍🌾 and \x00 zero"
    assert (rows[fine[6]]["alt_phone"], rows[fine[6]]["disability"]) == (None, "No")
    report = mirroring.verify()
    assert (report.equal, report.rejected, report.compared) == (True, len(ODD), 300)
    before = ledger(mirroring.engine)
    again = mirroring.sync(since=0)
    assert (again["unchanged"], again["rejected"], again["updated"]) == (300, 0, 0)
    assert ledger(mirroring.engine) == before


def test_what_is_put_right_arrives(mirroring: Mirroring) -> None:
    control = mirroring.simulator.control
    kobo_id = control.ids()[7]
    plant(mirroring, kobo_id, {"age": "abc"}, [])
    mirroring.sync()
    assert kobo_id not in answers(mirroring.engine)
    control.edit(kobo_id, cd_age="34")
    assert mirroring.sync()["updated"] == 1
    assert answers(mirroring.engine)[kobo_id]["age"] == 34
    assert mirroring.verify().rejected == 0


def test_a_submission_of_six_megabytes_is_mirrored(mirroring: Mirroring) -> None:
    control = mirroring.simulator.control
    first, second = control.ids()[5:7]
    control.raw(first, {"cd_other": '"ወ\\' * 1_000_000})
    control.raw(second, {"cd_other": '"ወ\\' * 1_000_000, QUESTION["age"]: "abc"})
    result = mirroring.sync()
    assert (result["inserted"], result["rejected"]) == (299, 1)
    assert len(ledger(mirroring.engine)[second]["payload"]) > 4_000_000
    assert mirroring.verify().equal


@pytest.mark.parametrize("page_size", [1, 7])
def test_pages_of_any_size_give_the_same_tables(embedded: Mirroring, page_size: int) -> None:
    embedded.simulator.control.reset(rows=20)
    plant(embedded, embedded.simulator.control.ids()[3], {"age": "abc"}, [])
    assert embedded.sync(page_size=page_size)["inserted"] == 19
    assert embedded.verify().equal
