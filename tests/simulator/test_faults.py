"""Faults on demand: which requests they strike, and how."""

from __future__ import annotations

import json
import time

import pytest
import requests

from simulator.control_client import SimulatorError
from tests.simulator.api import Api


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "text"),
    [
        ("400", 400, "application/json", '["Unsupported query"]'),
        ("401", 401, "application/json", '{"detail":"Invalid token."}'),
        ("404", 404, "application/json", '{"detail":"Not found."}'),
        ("404-html", 404, "text/html; charset=utf-8", "Page not found (404)"),
        ("429", 429, "application/json", "throttled"),
        ("500", 500, "text/html; charset=utf-8", "Server error (500)"),
        ("502", 502, "text/html; charset=utf-8", "502 Bad Gateway"),
        ("503", 503, "text/html; charset=utf-8", "503 Service Unavailable"),
        ("504", 504, "text/html; charset=utf-8", "504 Gateway Time-out"),
        ("html", 200, "text/html; charset=utf-8", "<title>KoboToolbox"),
        ("empty", 200, "application/json", '"results":[]'),
    ],
)
def test_answers(api: Api, kind: str, status: int, content_type: str, text: str) -> None:
    api.control.faults.add(kind, retry_after=2 if kind == "429" else None)
    answer = api.call("GET", "/data.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, content_type)
    assert text in answer.text
    assert answer.headers.get("Retry-After") == ("2" if kind == "429" else None)
    assert api.get("/data.json")["count"] == 7


@pytest.mark.parametrize(
    ("kind", "error"),
    [("half", requests.exceptions.ChunkedEncodingError), ("drop", requests.exceptions.ConnectionError)],
)
def test_broken_connections(api: Api, kind: str, error: type[Exception]) -> None:
    api.control.faults.add(kind)
    with pytest.raises(error):
        api.call("GET", "/data.json")
    assert api.get("/data.json")["count"] == 7


def test_slow(api: Api) -> None:
    api.control.faults.add("slow", seconds=0.3)
    started = time.monotonic()
    assert api.get("/data.json")["count"] == 7
    assert time.monotonic() - started >= 0.3


def test_repeat_and_short(api: Api) -> None:
    first = api.get("/data.json", limit="2")
    api.control.faults.add("repeat")
    assert api.get("/data.json", limit="2", start="2") == first
    api.control.faults.add("short")
    assert len(api.rows(limit="4")) == 2


def test_which_requests_are_struck(api: Api) -> None:
    api.control.faults.add("502", count=2, every=2, after=1, path=r"data\.json\?limit=1", method="GET")
    statuses = [api.call("GET", "/data.json", params={"limit": "1"}).status_code for _ in range(7)]
    assert statuses == [200, 200, 502, 200, 502, 200, 200]
    assert api.call("GET", ".json").status_code == 200
    assert api.control.faults.list() == [{"kind": "502", "seen": 5, "struck": 2}]


def test_endless_fault_until_it_is_cleared(api: Api) -> None:
    api.control.faults.add("500", count=None)
    assert [api.call("GET", "/data.json").status_code for _ in range(3)] == [500] * 3
    api.control.faults.clear()
    assert api.call("GET", "/data.json").status_code == 200


def test_unknown_fault_is_refused(api: Api) -> None:
    with pytest.raises(SimulatorError, match="no such fault"):
        api.control.faults.add("418")


def test_requests_are_logged_with_what_went_over_the_wire(api: Api) -> None:
    api.control.clear_requests()
    api.control.faults.add("502", path="limit=2")
    answer = api.call("GET", "/data.json", params={"limit": "1"}, stream=True)
    size = len(answer.raw.read(decode_content=False))
    api.call("GET", "/data.json", params={"limit": "2"})
    first, second = api.control.requests()
    path = f"/api/v2/assets/{api.server.asset}/data.json"
    assert first == {
        "method": "GET",
        "path": path,
        "query": "limit=1",
        "status": 200,
        "bytes": size,
        "gzip": True,
        "fault": "",
    }
    assert (second["status"], second["fault"]) == (502, "502")
    assert api.control.stats()["requests"] == 2


def test_control_needs_no_token_and_names_what_it_does_not_know(api: Api) -> None:
    with pytest.raises(SimulatorError, match="There is no command nonsense"):
        api.control.send("nonsense")
    with pytest.raises(SimulatorError, match="KeyError"):
        api.control.send("create")
    assert json.dumps(api.control.stats()).count("5eed") == 0
