"""Five hundred hostile requests, each with the answers that the contract allows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from tests.webhook.bodies import PATH, SECRET, body, submission
from webhook.resources import MAX_BODY

CANARY = "canary-answer-5d2e"
SQL = f"'; DROP TABLE kobo_records; -- \" OR 1=1 \\' {CANARY}"
NOTHING = 0
"""The connection is closed without an answer."""


class Attack(NamedTuple):
    """What is sent, and which statuses may come back, one for each request in it."""

    name: str
    sent: bytes
    allowed: tuple[frozenset[int], ...]


def post(
    sent: bytes, *, path: str = PATH, secret: str = SECRET, length: int | str | None = None, more: str = ""
) -> bytes:
    """A delivery as it travels."""
    length = len(sent) if length is None else length
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"X-Webhook-Secret: {secret}\r\nContent-Length: {length}\r\n{more}\r\n"
    ).encode("utf-8", "surrogatepass") + sent


def attack(name: str, sent: bytes, *allowed: int) -> Attack:
    return Attack(name, sent, (frozenset(allowed),))


def attacks() -> Iterator[Attack]:
    """All of them."""
    yield from _bodies()
    yield from _fields()
    yield from _heads()
    yield from _paths()
    yield from _secrets()
    yield from _several_in_one()


def _bodies() -> Iterator[Attack]:
    whole = body(1_000_000)
    bad = {
        "nothing": b"",
        "a space": b" ",
        "an array": b"[]",
        "a text": b'"x"',
        "a number": b"5",
        "null": b"null",
        "NaN alone": b"NaN",
        "half": whole[: len(whole) // 2],
        "two": whole + whole,
        "a comma more": whole[:-1] + b",}",
        "single quotes": whole.replace(b'"', b"'"),
        "a comment": b"/* x */" + whole,
        "a byte order mark": b"\xef\xbb\xbf{",
        "XML": b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
        "a form": b"_id=1&x=2",
        "zeros": b"\x00" * 1000,
        "0xFF": b"\xff" * 1000,
        "UTF-16": whole.decode().encode("utf-16"),
        "_id of 5,000 digits": b'{"_id": ' + b"9" * 5000 + b"}",
        "a broken escape": whole.replace(b"south", b"\\u12"),
        "a key that is no text": b"{1: 2}",
    }
    for name, sent in bad.items():
        yield attack(f"body: {name}", post(sent), 400)
    no_json = {
        "NaN": b'{"_id": 1, "x": NaN}',
        "Infinity": b'{"_id": 1, "x": -Infinity}',
        "5,000 digits": b'{"_id": 1, "x": ' + b"9" * 5000 + b"}",
        "bad UTF-8": whole.replace(b"south", b"s\xc3\x28th"),
        "overlong UTF-8": whole.replace(b"south", b"\xc0\xaf"),
        "UTF-8 surrogate": whole.replace(b"south", b"\xed\xa0\x80"),
        "a raw newline": whole.replace(b"south", b"s\nth"),
    }
    for name, sent in no_json.items():
        yield attack(f"body: {name}", post(sent), 200)
    for depth in (101, 300, 900, 985, 995, 1000, 5000, 200_000):
        yield attack(f"{depth} arrays", post(b'{"_id": 1, "x": ' + b"[" * depth + b"]" * depth + b"}"), 400)
        yield attack(f"{depth} arrays, open", post(b"[" * depth), 400)
        yield attack(
            f"{depth} objects", post(b'{"_id": 1, "x": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"), 400
        )
    odd = {
        "64 bits": str(2**64),
        "400 digits": "9" * 400,
        "-400 digits": "-" + "9" * 400,
        "1e999": "1e999",
        "1e-999": "1e-999",
        "-0": "-0",
        "50 arrays": "[" * 50 + "]" * 50,
        "NUL": '"\\u0000"',
        "a lone surrogate": '"\\ud800"',
        "both halves": '"\\udc00\\ud800"',
        "a megabyte": f'"{"x" * 2**20}"',
        "10,000 nulls": f"[{','.join(['null'] * 10_000)}]",
        "10,000 keys": "{" + ",".join(f'"k{n}": {n}' for n in range(10_000)) + "}",
    }
    for number, (name, value) in enumerate(odd.items()):
        more = (
            whole[:-1].replace(b"1000000", str(1_000_001 + number).encode())
            + b', "x": '
            + value.encode()
            + b"}"
        )
        yield attack(f"one more value: {name}", post(more), 200)
    yield attack("twice the same key", post(b'{"_id": 1000100, "_id": "x", "_id": 1000101}'), 200)
    yield attack("_id twice, last one bad", post(b'{"_id": 1000100, "_id": "x"}'), 400)


def _fields() -> Iterator[Attack]:
    wrong = [
        None,
        True,
        -1,
        10**30,
        1.5,
        [],
        {},
        [[SQL]],
        {"a": SQL},
        "",
        " ",
        SQL,
        "x" * 300,
        "\x00",
        "\ud800",
    ]
    for place, key in enumerate(submission(1)):
        for number, value in enumerate(wrong):
            if key == "_id":
                allowed = (400,)
            elif key == "_xform_id_string":
                allowed = (200,) if value is None else (404,)
            else:
                allowed = (200,)
            data = submission(2_000_000 + 100 * place + number) | {key: value}
            yield attack(f"{key} is {str(value)[:20]!a}", post(json.dumps(data).encode()), *allowed)


def _heads() -> Iterator[Attack]:
    good = body(3_000_000)
    for name, more, allowed in (
        ("100 headers", "".join(f"X-{n}: {n}\r\n" for n in range(100)), 431),
        ("a header of 9,000", f"X-Large: {'x' * 9000}\r\n", 431),
        ("a header of 1 MiB", f"X-Large: {'x' * 2**20}\r\n", 431),
        ("a header without a name", ": x\r\n", 400),
        ("a header without a colon", "nonsense\r\n", 400),
        ("a folded header", "X-A: 1\r\n 2\r\n", 400),
        ("NUL in a header", "X-A: \x00\r\n", 400),
        ("a space before the colon", f"X-Webhook-Secret : {SECRET}\r\n", 400),
        ("two lengths", "Content-Length: 1\r\n", 400),
        ("a length and chunks", "Transfer-Encoding: chunked\r\n", 400),
        ("an unknown coding", "Transfer-Encoding: gzip\r\n", 400),
        ("an expectation", "Expect: 200-maybe\r\n", 417),
        ("gzip", "Content-Encoding: gzip\r\n", 415),
        ("another type too", "Content-Type: text/xml\r\n", 400),
    ):
        yield attack(f"head: {name}", post(good, more=more), allowed)
    for length, allowed in (
        ("-1", 400),
        ("+5", 400),
        ("x", 400),
        ("", 400),
        ("1e3", 400),
        ("5, 5", 400),
        ("９", 400),
    ):
        yield attack(f"length {length!a}", post(good, length=length), allowed)
    yield attack("a huge length", post(b"{}", length=10**18), 413, NOTHING)
    yield attack("a length of 5,000 digits", post(b"{}", length="9" * 5000), 400, 413, NOTHING)
    yield attack("too large", post(b" " * (MAX_BODY + 1)), 413)
    chunked = (
        f"POST {PATH} HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"X-Webhook-Secret: {SECRET}\r\n"
    )
    yield attack("chunks", f"{chunked}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n".encode(), 411)
    yield attack("bad chunks", f"{chunked}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode(), 400, 411)
    for name, head, allowed in (
        ("no version", f"POST {PATH}\r\n\r\n", (400,)),
        ("version 9", f"POST {PATH} HTTP/9.9\r\n\r\n", (400,)),
        ("no path", "POST HTTP/1.1\r\n\r\n", (400,)),
        ("a small method", f"post {PATH} HTTP/1.1\r\nConnection: close\r\n\r\n", (400,)),
        ("a strange method", f"BREW {PATH} HTTP/1.1\r\nConnection: close\r\n\r\n", (400, 401, 405)),
        ("CONNECT", "CONNECT example.org:443 HTTP/1.1\r\nConnection: close\r\n\r\n", (400, 404, 405)),
        ("TRACE", f"TRACE {PATH} HTTP/1.1\r\nConnection: close\r\n\r\n", (400, 401, 405)),
        (
            "another host's address",
            f"GET http://example.org{PATH} HTTP/1.1\r\nConnection: close\r\n\r\n",
            (400, 401, 404),
        ),
        ("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", (400,)),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
        ("spaces", " " * 5000 + "\r\n\r\n", (400, 414)),
    ):
        yield attack(f"request line: {name}", head.encode("latin-1"), *allowed)
    yield attack("a path of 5,000", post(good, path=PATH + "x" * 5000), 414)


def _paths() -> Iterator[Attack]:
    for path in (
        "/",
        "//",
        PATH + "/",
        PATH + "//",
        "/api/../api/real-time-updates",
        "/api/./real-time-updates",
        "/api/%2e%2e/health/live",
        PATH + "%00",
        PATH + ";x",
        PATH + "%2f",
        PATH.upper(),
        "/%",
        "/%ff",
        "/%zz",
        "/api/real-time-updates%20",
        "/../../etc/passwd",
        "/health/live/../../metrics",
        "*",
        "/.env",
        "/" + "a/" * 1000,
    ):
        yield attack(f"path {path[:30]}", post(body(4_000_000), path=path), 404, 400)
    for query in (
        "?",
        "?%",
        "?a=%ff",
        "?token",
        "?token=&token=",
        "?" + "a=1&" * 900,
        "?token=%00",
        "?x[$gt]=1",
    ):
        yield attack(f"query {query[:30]}", post(body(4_000_001), path=PATH + query), 200)


def _secrets() -> Iterator[Attack]:
    for secret in (
        "",
        "x",
        SECRET[:-1],
        SECRET + "x",
        SECRET.upper(),
        "é",
        "\x7f",
        SQL,
        "x" * 8000,
        f"{SECRET},{SECRET}",
    ):
        yield attack(f"secret {secret[:20]!a}", post(body(5_000_000), secret=secret), 401, 400)
    for value in (
        "Basic",
        "Basic =",
        "Basic " + "A" * 4000,
        "Basic Og==",
        "Bearer x",
        "Digest username=x",
        "é",
    ):
        head = post(body(5_000_000), secret="", more=f"Authorization: {value}\r\n")
        yield attack(f"authorization {value[:20]!a}", head, 401)


def _several_in_one() -> Iterator[Attack]:
    lasting = [post(body(6_000_000 + n)).replace(b"Connection: close\r\n", b"") for n in range(19)]
    everything = b"".join(lasting) + post(b"[]")
    yield Attack("twenty at once", everything, (*[frozenset([200])] * 19, frozenset([400])))
    refused = post(b"{}", secret="wrong").replace(b"Connection: close\r\n", b"")
    yield Attack("after a refusal", refused + post(body(6_000_100)), (frozenset([401]), frozenset([200])))
    smuggled = post(b"0\r\n\r\n" + post(body(6_000_200)), more="Transfer-Encoding: chunked\r\n")
    yield attack("smuggled behind a length and chunks", smuggled, 400)
