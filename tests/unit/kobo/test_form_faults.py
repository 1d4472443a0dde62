from __future__ import annotations

import datetime
import gzip
import json
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.utils import format_datetime

import pytest

from kobo_mirror.errors import (
    CredentialsError,
    KoboMirrorError,
    NotPermittedError,
    RequestError,
    ServerError,
    UnreachableError,
)
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.history import Verdict, end_of_history
from kobo_mirror.kobo.pages import Page
from tests.support.rude_server import FAKE_TOKEN, RudeServer, Script, answer

ANSWER_OF_A_PERSON = "Amina Uwase"
PAGE = json.dumps({"count": 1, "results": [{"_id": 7, "name": ANSWER_OF_A_PERSON}]}).encode()


BROKEN = {
    "half a body": [answer(PAGE[:20], length=len(PAGE))],
    "half a chunked body": [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + PAGE[:16] + b"\r\n40\r\nxx"
    ],
    "no answer": [],
    "no HTTP": [b"220 smtp.example.org ESMTP\r\n"],
    "garbage as gzip": [answer(b"no gzip at all", Content_Encoding="gzip")],
    "half a gzip": [answer(gzip.compress(PAGE)[:-12], Content_Encoding="gzip")],
    "a gzip without its checksum": [answer(gzip.compress(PAGE)[:-8], Content_Encoding="gzip")],
    "gzip and more": [answer(gzip.compress(PAGE) + b"more", Content_Encoding="gzip")],
    "an encoding not asked for": [answer(PAGE, Content_Encoding="br")],
    "a silent server": [3.0],
    "HTML": [answer(b"<!doctype html><html><title>Wartung</title></html>", Content_Type="text/html")],
    "an empty body": [answer()],
    "no object": [answer(b"[]")],
    "no results": [answer(b'{"count": 3}')],
    "a count in words": [answer(b'{"count": "three", "results": []}')],
    "results that are no list": [answer(b'{"count": 1, "results": {"_id": 1}}')],
    "a row that is no object": [answer(b'{"count": 1, "results": [17]}')],
    "a row without _id": [answer(b'{"count": 1, "results": [{"_uuid": "x"}]}')],
    "an _id that is a text": [answer(b'{"count": 1, "results": [{"_id": "7"}]}')],
    "an _id beside half a surrogate": [answer(b'{"count": 1, "results": [{"_id": true, "a": "\\ud800"}]}')],
    "an abyss of brackets": [answer(b'{"count": 1, "results": [' + b"[" * 200_000)],
    "rows counted but not sent": [answer(b'{"count": 9, "results": []}')],
    "a row before the cursor": [answer(b'{"count": 1, "results": [{"_id": 5}]}')],
    "a row after the end": [answer(b'{"count": 1, "results": [{"_id": 101}]}')],
    "rows out of order": [answer(b'{"count": 2, "results": [{"_id": 9}, {"_id": 8}]}')],
    "a row twice": [answer(b'{"count": 2, "results": [{"_id": 9}, {"_id": 9}]}')],
    "429": [answer(b'{"detail": "slow down"}', status="429 Too Many Requests")],
    "408": [answer(b"", status="408 Request Timeout")],
    "500": [answer(b"<html>Server error (500)</html>", status="500 Internal Server Error")],
    "502": [answer(b"<html>Bad gateway</html>", status="502 Bad Gateway")],
    "a busy database": [answer(b'["Unsupported query"]', status="400 Bad Request")],
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_is_asked_for_again_then_a_server_error(
    fault: str, connect: Callable[..., KoboClient], waits: list[float]
) -> None:
    with RudeServer(BROKEN[fault]) as server, connect(server.url) as client:
        with pytest.raises(ServerError):
            client.page(after=5, upto=100, limit=10)
        assert len(server.requests) == 3
        assert len(waits) == 2


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_followed_by_a_whole_one_is_no_error(
    fault: str, connect: Callable[..., KoboClient]
) -> None:
    with RudeServer(BROKEN[fault], answer(PAGE)) as server, connect(server.url) as client:
        assert client.page(after=5, upto=100, limit=10).ids == [7]
        assert client.usage.requests == 2


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        ("401 Unauthorized", b'{"detail":"Invalid token."}', CredentialsError, "KOBO_TOKEN was refused"),
        ("403 Forbidden", b'{"detail":"x"}', CredentialsError, "shuts out the account of KOBO_TOKEN"),
        ("404 Not Found", b'{"detail":"Not found."}', CredentialsError, "may not view its submissions"),
        ("404 Not Found", b"<title>KoboToolbox </title>", CredentialsError, "no form 'aForm'"),
        (
            "404 Not Found",
            b"<h1>Not Found</h1><p>The requested resource was not found on this server.</p>",
            CredentialsError,
            "no form 'aForm'",
        ),
        ("400 Bad Request", b'{"query":"Value must be valid JSON."}', RequestError, r"400 \(query\)"),
        (
            "400 Bad Request",
            b'{"detail":"The specified asset has not been deployed"}',
            RequestError,
            "not deployed yet",
        ),
        ("409 Conflict", b"[]", RequestError, "409"),
        ("410 Gone", b'{"detail":"The V1 API has been removed."}', RequestError, "410"),
    ],
)
def test_a_refusal_is_final_and_says_what_to_do(
    status: str, body: bytes, error: type[KoboMirrorError], says: str, connect: Callable[..., KoboClient]
) -> None:
    with RudeServer(answer(body, status=status)) as server, connect(server.url) as client:
        with pytest.raises(error, match=says):
            client.page(after=0, limit=10)
        assert len(server.requests) == 1


BLOCKED = b"<!DOCTYPE html><title>Attention Required!</title>"


@pytest.mark.parametrize("body", [BLOCKED, b"", b"blocked", b'"blocked"', b"\xff", b"[" * 5000])
@pytest.mark.parametrize(
    "status",
    ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "405 x", "413 x", "451 x"],
)
def test_a_refusal_that_is_not_the_apis_is_asked_for_again(
    status: str, body: bytes, connect: Callable[..., KoboClient]
) -> None:
    foreign = answer(body, status=status, Content_Type="text/html")
    with RudeServer(foreign, answer(PAGE)) as server, connect(server.url) as client:
        assert client.page(after=5, limit=10).ids == [7]
        assert len(server.requests) == 2
    said = rf"answered {status[:3]} with something that is not KoboToolbox's: a proxy, filter"
    with RudeServer(foreign) as server, connect(server.url) as client:
        with pytest.raises(ServerError, match=said):
            client.page(after=5, limit=10)
        assert len(server.requests) == 3


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found"])
def test_a_filter_before_the_history_and_the_logs_is_no_right_that_is_missing(
    status: str, connect: Callable[..., KoboClient]
) -> None:
    with RudeServer(answer(BLOCKED, status=status)) as server, connect(server.url) as client:
        assert end_of_history(client).verdict is Verdict.FORBIDDEN
        with pytest.raises(ServerError, match="not KoboToolbox's"):
            client.hooks()


def test_a_redirect_after_a_proper_answer_is_a_filters(connect: Callable[..., KoboClient]) -> None:
    moved = answer(status="302 Found", Location="http://login.example/?next=secret")
    with RudeServer(answer(PAGE), moved, answer(PAGE)) as server, connect(server.url) as client:
        for _ in range(2):
            assert client.page(after=5, limit=10).ids == [7]
        assert len(server.requests) == 3
    with RudeServer(answer(PAGE), moved) as server, connect(server.url) as client:
        client.count()
        with pytest.raises(ServerError, match=r"redirects to http://login.example \(302\)"):
            client.count()
        assert len(server.requests) == 4


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden"])
def test_rest_services_that_may_not_be_managed_are_told_from_a_form_that_may_not_be_read(
    status: str, connect: Callable[..., KoboClient]
) -> None:
    with (
        RudeServer(answer(b'{"detail":"Not found."}', status=status)) as server,
        connect(server.url) as client,
        pytest.raises(NotPermittedError, match=r"^not permitted: ask the form's owner"),
    ):
        client.hooks()


@pytest.mark.parametrize("call", ["create_hook", "delete_hook"])
def test_what_must_not_be_done_twice_is_not_sent_twice(call: str, connect: Callable[..., KoboClient]) -> None:
    with RudeServer([]) as server, connect(server.url) as client:
        with pytest.raises(ServerError):
            getattr(client, call)({} if call == "create_hook" else "h1")
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "odd",
    [
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\u0000"',
        b'"\xff"',
        b'"\xff\\ud800"',
        b'"\x01"',
        b"NaN",
        b"[-Infinity, Infinity]",
        b"1e999",
        b"9" * 5000,
        b'"]}, {\\" NaN", "b": NaN',
        b"[" * 1_500 + b"]" * 1_500,
        b'{"a":' * 100_000 + b"NaN" + b"}" * 100_000,
    ],
    ids=lambda odd: repr(odd[:20]),
)
def test_one_odd_answer_does_not_spoil_the_page(odd: bytes, connect: Callable[..., KoboClient]) -> None:
    rows = [
        b'{"_id": 6, "name": "Zoe"}',
        b'{"_id": 7, "name": ' + odd + b"}",
        '{"_id": 8, "name": "አበበ]"}'.encode(),
        b'{"name": ' + odd + b', "_id":\n9}',
    ]
    body = b'{"next": null, "count": 4, "results": [' + b" ,".join(rows) + b"]}"
    with RudeServer(answer(body)) as server, connect(server.url) as client:
        page, swept = client.page(after=5, limit=10), client.sweep_page(after=5)
    assert page.ids == swept.ids == [6, 7, 8, 9]
    assert [bytes(row) for row in page.rows] == rows
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "row",
    [
        b"NaN",
        b'{"_id": NaN}',
        b'{"_id": 7, "a": NaN',
        b'{"_id": 7, "a": nan}',
        b"[NaN]",
        b'{"a": NaN}',
        b'"NaN',
    ],
)
def test_what_is_no_row_is_no_page(row: bytes, connect: Callable[..., KoboClient]) -> None:
    body = b'{"count": 2, "results": [{"_id": 6}, ' + row + b"]}"
    with RudeServer(answer(body)) as server, connect(server.url) as client, pytest.raises(ServerError):
        client.page(after=5, limit=10)


def test_rows_come_out_byte_for_byte(connect: Callable[..., KoboClient]) -> None:
    rows = [b'{ "b" : "\\u0041\\u0000", "_id":6,"b":1.50 }', '{"_id": 7, "ሀ": "😀"}'.encode()]
    body = gzip.compress(b'{"count": 2, "next": null, "results": [' + b" , ".join(rows) + b"]}")
    with RudeServer(answer(body, Content_Encoding="gzip")) as server, connect(server.url) as client:
        page = client.page(after=5, limit=10)
        assert [bytes(row) for row in page.rows] == rows
        assert (page.wire, page.size) == (len(body), len(gzip.decompress(body)))
        assert client.usage.bytes == len(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"count": 1, "results": [{"_id": 9}]}',
        b'{"count": 3, "results": [{"_id": 7}]}',
        b'{"count": 2, "results": [{"_id": 8}, {"_id": 7}]}',
    ],
    ids=["not asked for", "counted but not sent", "out of order"],
)
def test_absence_by_id_is_believed_only_of_an_answer_to_that_question(
    body: bytes, connect: Callable[..., KoboClient]
) -> None:
    with RudeServer(answer(body)) as server, connect(server.url) as client, pytest.raises(ServerError):
        client.by_ids([6, 7, 8])


def test_no_quantile_is_no_end_unless_the_count_says_so(connect: Callable[..., KoboClient]) -> None:
    with RudeServer(answer(b'{"count": 9, "results": []}')) as server, connect(server.url) as client:
        assert client.id_at(9) is None
        with pytest.raises(ServerError, match="counts 9 matching submissions but sent 0"):
            client.id_at(8)


def test_retry_after_is_kept_up_to_the_longest_wait(
    connect: Callable[..., KoboClient], waits: list[float]
) -> None:
    def busy(retry_after: str) -> bytes:
        return answer(status="503 Service Unavailable", Retry_After=retry_after)

    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=31)
    scripts = [
        busy("7"),
        busy("0"),
        busy("86400"),
        busy(format_datetime(soon, usegmt=True)),
        busy("tomorrow"),
    ]
    with (
        RudeServer(*scripts, answer(PAGE)) as server,
        connect(server.url, attempts=6, longest_wait=60) as client,
    ):
        client.page(after=5, limit=10)
    assert waits[:3] == [7, 0, 60]
    assert 28 <= waits[3] <= 31
    assert 16 <= waits[4] <= 17


def test_the_last_error_says_how_long_the_server_wants_to_be_left_alone(
    connect: Callable[..., KoboClient],
) -> None:
    busy = answer(status="429 Too Many Requests", Retry_After="90")
    with RudeServer(busy) as server, connect(server.url) as client, pytest.raises(ServerError) as error:
        client.count()
    assert error.value.retry_after == 90


def unreachable(kind: str) -> str:
    """An address at which nothing answers."""
    if kind == "no such host":
        return "http://kobo.invalid"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("kind", ["no such host", "nothing listens"])
@pytest.mark.parametrize(("attempts", "times"), [(6, 2), (2, 2), (1, 1)])
def test_a_server_that_never_answered_is_asked_twice(
    kind: str, attempts: int, times: int, connect: Callable[..., KoboClient], waits: list[float]
) -> None:
    with (
        connect(unreachable(kind), attempts=attempts) as client,
        pytest.raises(UnreachableError, match="could not be reached"),
    ):
        client.count()
    assert (client.usage.requests, len(waits)) == (times, times - 1)


def test_a_connection_that_does_not_come_about_in_time_is_no_answer(
    connect: Callable[..., KoboClient],
) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # nobody accepts them, so that no further one is taken
            one.setblocking(False)
            one.connect_ex(address)
        with (
            connect(f"http://127.0.0.1:{address[1]}", attempts=6, timeout=(0.2, 0.2)) as client,
            pytest.raises(UnreachableError),
        ):
            client.count()
        for one in waiting:
            one.close()
    assert client.usage.requests == 2


@pytest.mark.parametrize("first", [answer(PAGE), BROKEN["502"][0], BROKEN["HTML"][0]])
def test_a_server_that_answered_once_and_is_gone_is_asked_as_often_as_usual(
    first: bytes, connect: Callable[..., KoboClient]
) -> None:
    with RudeServer(first) as server:
        client = connect(server.url, attempts=6)
        with suppress(ServerError):
            client.count()
    asked = client.usage.requests
    with client, pytest.raises(UnreachableError):
        client.count()
    assert client.usage.requests == asked + 6


@pytest.mark.parametrize("fault", ["429", "500", "502", "no answer", "a silent server"])
def test_a_busy_server_is_asked_as_often_as_usual_at_first_contact(
    fault: str, connect: Callable[..., KoboClient]
) -> None:
    with RudeServer(BROKEN[fault]) as server:
        with connect(server.url, attempts=6, timeout=(1.0, 0.1)) as client, pytest.raises(ServerError):
            client.count()
        assert len(server.requests) == 6


def test_waits_double(connect: Callable[..., KoboClient], waits: list[float]) -> None:
    with (
        RudeServer([]) as server,
        connect(server.url, attempts=8, longest_wait=20) as client,
        pytest.raises(ServerError),
    ):
        client.count()
    assert [
        least <= wait <= least + 1 for least, wait in zip([1, 2, 4, 8, 16, 19, 19], waits, strict=True)
    ] == [True] * 7


def test_a_slot_is_free_again_after_every_kind_of_failure(connect: Callable[..., KoboClient]) -> None:
    scripts = [BROKEN[fault] for fault in ("half a body", "no answer", "garbage as gzip", "HTML", "500")]
    with (
        RudeServer(*scripts, answer(PAGE)) as server,
        connect(server.url, max_in_flight=1, attempts=6) as client,
    ):
        assert client.page(after=5, limit=10).ids == [7]


def test_at_most_250_are_asked_for_at_once(connect: Callable[..., KoboClient]) -> None:
    with connect("http://127.0.0.1:1") as client, pytest.raises(ValueError, match="at most 250"):
        client.by_ids(range(1, 252))


@pytest.mark.parametrize("fault", BROKEN)
def test_neither_the_token_nor_an_answer_is_in_a_log_or_an_error(
    fault: str, connect: Callable[..., KoboClient], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RudeServer(BROKEN[fault], answer(PAGE)) as server, connect(server.url) as client:
        page = client.page(after=5, upto=100, limit=10)
        told = [caplog.text, repr(client), repr(page), repr(client.usage)]
    assert "Asking again" in caplog.text
    assert not [text for text in told if FAKE_TOKEN in text or ANSWER_OF_A_PERSON in text]


def test_an_error_and_its_causes_hold_no_answer(connect: Callable[..., KoboClient]) -> None:
    half = answer(b'{"count": 1, "results": [{"_id": 7, "name": "' + ANSWER_OF_A_PERSON.encode())
    with RudeServer(half) as server, connect(server.url) as client, pytest.raises(ServerError) as error:
        client.page(after=5, limit=10)
    cause: BaseException | None = error.value
    while cause:
        assert ANSWER_OF_A_PERSON not in str(cause)
        assert FAKE_TOKEN not in str(cause)
        cause = cause.__cause__ or cause.__context__


def test_a_busy_server_gets_fewer_requests_at_once(connect: Callable[..., KoboClient]) -> None:
    busy = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
    good: Script = [0.2, answer(PAGE)]
    with RudeServer(*[good] * 40, busy, good) as server, connect(server.url, max_in_flight=8) as client:
        _ask_for_pages(client, 40)
        assert server.most_at_once == 8
        _ask_for_pages(client, 1)
        server.most_at_once = 0
        _ask_for_pages(client, 8)
    assert 1 < server.most_at_once < 7


def _ask_for_pages(client: KoboClient, count: int) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: client.page(after=5, limit=10), range(count)))


@pytest.mark.parametrize(
    "row",
    [
        b'{"_id": 7}',
        b'{"_id": 7, "_uuid": "a"}',
        b'{"_id": 7, "_uuid": "a", "_validation_status": {"uid": "x", "timestamp": 1}}',
        b'{"_uuid": "caf\xe9", "_id": 7}',
    ],
)
@pytest.mark.parametrize(
    "ask",
    [lambda client: client.page(after=0, limit=9), lambda client: client.by_ids([7])],
    ids=["page", "ids"],
)
def test_the_answer_to_another_question_is_no_page(
    connect: Callable[..., KoboClient], ask: Callable[[KoboClient], Page], row: bytes
) -> None:
    """A cache in between may give what a sweep, or a search for an id, was answered."""
    wrong = answer(b'{"count": 1, "results": [' + row + b"]}")
    with (
        RudeServer(wrong, wrong, wrong) as server,
        connect(server.url) as client,
        pytest.raises(ServerError, match="another question"),
    ):
        ask(client)
    with RudeServer(wrong, answer(PAGE)) as server, connect(server.url) as client:
        assert ask(client).ids == [7]
