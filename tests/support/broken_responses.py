"""Responses that no KoboToolbox server would send on purpose, as scripts of a faulty server."""

from __future__ import annotations

import gzip
import json

from tests.support.faulty_server import response

ANSWER_OF_A_PERSON = "Amina Uwase"


PAGE = json.dumps({"count": 1, "results": [{"_id": 7, "name": ANSWER_OF_A_PERSON}]}).encode()


BROKEN = {
    "half a body": [response(PAGE[:20], length=len(PAGE))],
    "half a chunked body": [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + PAGE[:16] + b"\r\n40\r\nxx"
    ],
    "no answer": [],
    "no HTTP": [b"220 smtp.example.org ESMTP\r\n"],
    "garbage as gzip": [response(b"no gzip at all", Content_Encoding="gzip")],
    "half a gzip": [response(gzip.compress(PAGE)[:-12], Content_Encoding="gzip")],
    "a gzip without its checksum": [response(gzip.compress(PAGE)[:-8], Content_Encoding="gzip")],
    "gzip and more": [response(gzip.compress(PAGE) + b"more", Content_Encoding="gzip")],
    "an encoding not asked for": [response(PAGE, Content_Encoding="br")],
    "a silent server": [3.0],
    "HTML": [response(b"<!doctype html><html><title>Wartung</title></html>", Content_Type="text/html")],
    "an empty body": [response()],
    "no object": [response(b"[]")],
    "no results": [response(b'{"count": 3}')],
    "a count in words": [response(b'{"count": "three", "results": []}')],
    "results that are no list": [response(b'{"count": 1, "results": {"_id": 1}}')],
    "a row that is no object": [response(b'{"count": 1, "results": [17]}')],
    "a row without _id": [response(b'{"count": 1, "results": [{"_uuid": "x"}]}')],
    "an _id that is a text": [response(b'{"count": 1, "results": [{"_id": "7"}]}')],
    "an _id beside half a surrogate": [response(b'{"count": 1, "results": [{"_id": true, "a": "\\ud800"}]}')],
    "an abyss of brackets": [response(b'{"count": 1, "results": [' + b"[" * 200_000)],
    "rows counted but not sent": [response(b'{"count": 9, "results": []}')],
    "a row before the cursor": [response(b'{"count": 1, "results": [{"_id": 5}]}')],
    "a row after the end": [response(b'{"count": 1, "results": [{"_id": 101}]}')],
    "rows out of order": [response(b'{"count": 2, "results": [{"_id": 9}, {"_id": 8}]}')],
    "a row twice": [response(b'{"count": 2, "results": [{"_id": 9}, {"_id": 9}]}')],
    "429": [response(b'{"detail": "slow down"}', status="429 Too Many Requests")],
    "408": [response(b"", status="408 Request Timeout")],
    "500": [response(b"<html>Server error (500)</html>", status="500 Internal Server Error")],
    "502": [response(b"<html>Bad gateway</html>", status="502 Bad Gateway")],
    "a busy database": [response(b'["Unsupported query"]', status="400 Bad Request")],
}
