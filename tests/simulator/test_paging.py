"""Pages: the cap of 1000, ``start`` against ``offset`` and ``page``, the links, walks by keyset."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.simulator.api import Api


@pytest.fixture
def large(api: Api) -> Api:
    """A form with 1300 submissions, as in the recording."""
    api.control.reset(rows=1300)
    return api


def link(url: str | None) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url or "").query).items()}


@pytest.mark.parametrize(
    ("params", "rows", "following"),
    [
        ({"limit": "1"}, 1, {"limit": "1", "start": "1"}),
        ({"limit": "1000"}, 1000, {"limit": "1000", "start": "1000"}),
        ({"limit": "1001"}, 1000, {"limit": "1000", "start": "1000"}),
        ({"limit": "30000"}, 1000, {"limit": "1000", "start": "1000"}),
        ({}, 100, {"limit": "100", "start": "100"}),
        ({"limit": "1000", "start": "1000"}, 300, {}),
    ],
)
def test_page_size(large: Api, params: dict[str, str], rows: int, following: dict[str, str]) -> None:
    page = large.get("/data.json", **params)
    assert (page["count"], len(page["results"])) == (1300, rows)
    assert link(page["next"]) == following


@pytest.mark.parametrize(
    ("params", "first", "following", "before"),
    [
        ({"offset": "5"}, 0, {"offset": "5", "start": "7"}, {"offset": "5", "start": "3"}),
        ({"start": "5"}, 5, {"start": "7"}, {"start": "3"}),
        ({"start": "2"}, 2, {"start": "4"}, {}),
        (
            {"page": "2", "page_size": "2"},
            0,
            {"page": "2", "page_size": "2", "start": "4"},
            {"page": "2", "page_size": "2"},
        ),
    ],
)
def test_only_start_moves_the_rows(
    large: Api, params: dict[str, str], first: int, following: dict[str, str], before: dict[str, str]
) -> None:
    limit = {} if "page" in params else {"limit": "2"}
    page = large.get("/data.json", fields=["_id"], **limit, **params)
    rest = {"fields": '["_id"]', "limit": "2"}
    assert page["results"][0]["_id"] == large.control.ids()[first]
    assert (link(page["next"]), link(page["previous"])) == (rest | following, rest | before)


def test_start_beyond_the_end_still_links_back(api: Api) -> None:
    page = api.get("/data.json", start="1000", limit="2")
    assert (page["next"], link(page["previous"])) == (None, {"limit": "2", "start": "998"})


def test_links_repeat_the_address_that_was_asked(api: Api) -> None:
    for path in ("/data.json", "/data/"):
        assert api.get(path, limit="1")["next"] == f"{api.form}{path}?limit=1&start=1"


def test_keyset_walk_gives_every_submission_once(large: Api) -> None:
    seen: list[int] = []
    while True:
        last = seen[-1] if seen else 0
        page = large.get(
            "/data.json", query={"_id": {"$gt": last}}, sort={"_id": 1}, limit="500", fields=["_id"]
        )
        assert page["count"] == 1300 - len(seen)
        if not page["results"]:
            break
        seen += [row["_id"] for row in page["results"]]
    assert seen == large.control.ids()


def test_a_deletion_before_the_cursor_makes_start_skip_a_row(large: Api) -> None:
    ids = large.control.ids()
    first = [row["_id"] for row in large.rows(limit="500", start="0")]
    large.control.delete(ids[10])
    second = [row["_id"] for row in large.rows(limit="500", start="500")]
    assert set(ids) - set(first) - set(second) == {ids[500], *ids[1001:]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"_id": {"$gt": 3, "$lte": 7}}, slice(4, 8)),
        ({"_id": {"$gte": 3, "$lt": 7}}, slice(3, 7)),
        ({"_id": {"$in": [3, 5, 9]}}, [3, 5, 9]),
        ({"_id": {"$in": [3, 5, 9], "$gt": 4}}, [5, 9]),
        ({"_id": 6}, [6]),
    ],
)
def test_ranges_of_ids(large: Api, query: dict[str, Any], expected: slice | list[int]) -> None:
    ids = large.control.ids()
    filled = json.loads(json.dumps(query), parse_int=lambda text: ids[int(text)])
    found = [row["_id"] for row in large.rows(query=filled, limit="1000", fields=["_id"])]
    assert found == (ids[expected] if isinstance(expected, slice) else [ids[n] for n in expected])


@pytest.mark.parametrize(("roots", "status"), [(250, 200), (400, 414)])
def test_an_address_may_have_16_kib(api: Api, roots: int, status: int) -> None:
    query = {"meta/rootUuid": {"$in": [f"uuid:{n:036d}" for n in range(roots)]}}
    assert api.call("GET", "/data.json", params={"query": json.dumps(query)}).status_code == status


def test_roots_are_found_after_an_edit_and_not_after_a_delete(large: Api) -> None:
    ids = large.control.ids()
    roots = [row["meta/rootUuid"] for row in large.control.rows(ids[:5])]
    large.control.edit(ids[1], cd_age=30)
    large.control.delete(ids[2])
    found = large.rows(query={"meta/rootUuid": {"$in": roots}}, fields=["_id"])
    assert [row["_id"] for row in found] == [ids[0], ids[1], ids[3], ids[4]]
