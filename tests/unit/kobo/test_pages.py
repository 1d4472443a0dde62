"""Pages of submissions: rows are passed on byte for byte, and a page that cannot be trusted is an error."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from kobo_mirror.errors import ServerError
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.pages import Page
from tests.support.broken_responses import PAGE
from tests.support.faulty_server import FaultyServer, response


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
    with FaultyServer(response(body)) as server, connect(server.url) as client:
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
def test_a_page_with_something_that_is_no_row_is_an_error(
    row: bytes, connect: Callable[..., KoboClient]
) -> None:
    body = b'{"count": 2, "results": [{"_id": 6}, ' + row + b"]}"
    with FaultyServer(response(body)) as server, connect(server.url) as client, pytest.raises(ServerError):
        client.page(after=5, limit=10)


def test_rows_come_out_byte_for_byte(connect: Callable[..., KoboClient]) -> None:
    rows = [b'{ "b" : "\\u0041\\u0000", "_id":6,"b":1.50 }', '{"_id": 7, "ሀ": "😀"}'.encode()]
    body = gzip.compress(b'{"count": 2, "next": null, "results": [' + b" , ".join(rows) + b"]}")
    with FaultyServer(response(body, Content_Encoding="gzip")) as server, connect(server.url) as client:
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
def test_absence_by_id_is_believed_only_from_a_response_to_that_request(
    body: bytes, connect: Callable[..., KoboClient]
) -> None:
    with FaultyServer(response(body)) as server, connect(server.url) as client, pytest.raises(ServerError):
        client.by_ids([6, 7, 8])


def test_a_missing_quantile_is_an_error_unless_the_count_confirms_the_end(
    connect: Callable[..., KoboClient],
) -> None:
    with FaultyServer(response(b'{"count": 9, "results": []}')) as server, connect(server.url) as client:
        assert client.id_at(9) is None
        with pytest.raises(ServerError, match="counts 9 matching submissions but sent 0"):
            client.id_at(8)


@pytest.mark.parametrize(
    "row",
    [
        b'{"_id": 7}',
        b'{"_id": 7, "_uuid": "a"}',
        b'{"_id": 7, "_uuid": "a", "_validation_status": {"uid": "x", "timestamp": 1}}',
        b'{"_uuid": "caf\xe9", "_id": 7}',
        b'{"_id": 7, "_uuid": "a", "_attachments": []}',
        b'{"_id": 7, "_uuid": "a", "_attachments": [{"download_url": "%b"}]}' % (b"x" * 600),
    ],
    ids=lambda row: repr(row[:60]),
)
@pytest.mark.parametrize(
    "ask",
    [lambda client: client.page(after=0, limit=9), lambda client: client.by_ids([7])],
    ids=["page", "ids"],
)
def test_a_response_to_another_request_is_no_page(
    connect: Callable[..., KoboClient], ask: Callable[[KoboClient], Page], row: bytes
) -> None:
    """A cache in between may give what a sweep, or a search for an id, was answered."""
    wrong = response(b'{"count": 1, "results": [' + row + b"]}")
    with (
        FaultyServer(wrong, wrong, wrong) as server,
        connect(server.url) as client,
        pytest.raises(ServerError, match="another question"),
    ):
        ask(client)
    with FaultyServer(wrong, response(PAGE)) as server, connect(server.url) as client:
        assert ask(client).ids == [7]


@pytest.mark.parametrize("files", [b"[]", b'[{"uid": "att1", "is_deleted": false}]', b"null", b"NaN"])
def test_a_page_of_files_holds_them(connect: Callable[..., KoboClient], files: bytes) -> None:
    """A response without any may be that to another request: a file that is new would not be seen."""
    without, row = b'{"_id": 7, "_uuid": "a"}', b'{"_id": 8, "_attachments": ' + files + b"}"
    wrong = response(b'{"count": 1, "results": [' + without + b"]}")
    page = response(b'{"count": 2, "results": [' + without + b", " + row + b"]}")
    with FaultyServer(wrong, wrong, page) as server, connect(server.url) as client:
        assert [bytes(row) for row in client.files_page(after=0).rows] == [without, row]
    with (
        FaultyServer(wrong, wrong, wrong) as server,
        connect(server.url) as client,
        pytest.raises(ServerError, match="another question: it sent no files"),
    ):
        client.files_page(after=0)
    with FaultyServer(response(b'{"count": 0, "results": []}')) as server, connect(server.url) as client:
        assert client.files_page(after=9).ids == []
