"""Describe the webhook: /openapi.json for programs, /docs for people."""

from __future__ import annotations

import html
from typing import Any

import falcon

from kobo_mirror import __version__
from webhook.resources import FORM_PATH, MAX_BODY, PATH

_SECRETS: list[dict[str, list[str]]] = [{"header": []}, {"basic": []}, {"query": []}]
_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["status", "message"],
    "properties": {
        "status": {"const": "error"},
        "message": {"type": "string"},
        "dead_letter": {"type": "integer", "description": "Under this number the body is kept."},
    },
    "additionalProperties": False,
}
_TAKEN: dict[str, Any] = {
    "type": "object",
    "required": ["status", "result", "reason"],
    "properties": {
        "status": {"const": "success"},
        "result": {"enum": ["inserted", "updated", "unchanged", "stale", "deferred", "rejected"]},
        "reason": {"type": ["string", "null"], "description": "Why it was rejected; never an answer."},
    },
    "additionalProperties": False,
}
_SUBMISSION: dict[str, Any] = {
    "type": "object",
    "required": ["_id"],
    "properties": {
        "_id": {
            "type": "integer",
            "minimum": 1,
            "maximum": 2**63 - 1,
            "description": "Which submission it is; written without a fraction.",
        },
        "_uuid": {"type": "string"},
        "_xform_id_string": {"type": "string", "description": "The form; absent: the only one taken here."},
        "_submission_time": {"type": "string", "examples": ["2026-01-31T23:59:59"]},
        "meta/instanceID": {"type": "string"},
        "meta/deprecatedID": {"type": "string"},
    },
    "additionalProperties": True,
}
_REQUEST_ID = {"X-Request-ID": {"description": "The request's id in our log.", "schema": {"type": "string"}}}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def _answer(words: str, schema: dict[str, Any] | None, **headers: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}} if schema else {"text/plain": {}}
    return {"description": words, "headers": _REQUEST_ID | headers, "content": content}


def _error(words: str, **headers: Any) -> dict[str, Any]:
    return _answer(words, {"$ref": "#/components/schemas/Error"}, **headers)


_AWAY = _error("The database cannot take it now, or too much is under way: send it again.", **_RETRY_AFTER)
_WELL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "status": {"const": "success"},
        "forms_unavailable": {"type": "integer", "description": "So many other forms take nothing now."},
    },
    "required": ["status"],
}

_POST: dict[str, Any] = {
    "operationId": "deliver",
    "summary": "Deliver one submission of the form of KOBO_ASSET_ID, as a REST Service of KoboToolbox does",
    "description": "Answered with 200 only once it is committed. It may come any number of times.",
    "security": _SECRETS,
    "requestBody": {
        "required": True,
        "description": f"One submission as JSON, at most {MAX_BODY} bytes, with a Content-Length.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Submission"}}},
    },
    "responses": {
        "200": _answer("It is committed.", {"$ref": "#/components/schemas/Taken"}),
        "400": _error("The body is no submission (it is kept), or did not come whole (it is not)."),
        "401": _error("The secret is missing or wrong."),
        "403": _error("It comes from an address that may not send."),
        "404": _error(
            "It is another form's submission; of one that is mirrored the path is told. The body is kept."
        ),
        "410": _error("The form is mirrored no longer: remove its REST Service. Nothing is kept."),
        "408": _error("The body did not come in time."),
        "411": _error("There is no Content-Length."),
        "413": _error("The body is too large."),
        "415": _error("It is not plain application/json."),
        "503": _AWAY,
    },
}


_POST_OF_FORM: dict[str, Any] = _POST | {
    "operationId": "deliver_to_form",
    "summary": "Deliver one submission of any form that is mirrored",
    "description": "As without a form key, but with the form's own secret, which opens no other path.",
    "parameters": [
        {
            "name": "form_key",
            "in": "path",
            "required": True,
            "description": "The form's uid; uid~2 and so on where a form of another server has that.",
            "schema": {"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9]+(~[0-9]+)?$"},
        }
    ],
    "responses": _POST["responses"]
    | {"404": _error("No such form is mirrored, or it is another form's submission. The body is kept.")},
}


def _public(name: str, words: str, answer: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"get": {"operationId": name, "summary": words, "responses": {"200": answer, **others}}}


DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Kobo Mirror's webhook",
        "version": __version__,
        "description": "Takes submissions as KoboToolbox posts them, so that the mirror is always fresh.",
    },
    "paths": {
        PATH: {"post": _POST},
        FORM_PATH: {"post": _POST_OF_FORM},
        "/health/live": _public("live", "Does the process answer?", _answer("It does.", _WELL)),
        "/health/ready": _public(
            "ready", "Could a submission be committed now?", _answer("It could.", _WELL), **{"503": _AWAY}
        ),
        "/metrics": _public("metrics", "Numbers for Prometheus", _answer("Prometheus' text format.", None)),
    },
    "components": {
        "schemas": {"Submission": _SUBMISSION, "Taken": _TAKEN, "Error": _ERROR},
        "securitySchemes": {
            "header": {"type": "apiKey", "in": "header", "name": "X-Webhook-Secret"},
            "basic": {"type": "http", "scheme": "basic", "description": "The secret as password, any user."},
            "query": {"type": "apiKey", "in": "query", "name": "token"},
        },
    },
}


class Description:
    """``GET /openapi.json``."""

    public = True

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the description of this service, OpenAPI 3.1."""
        resp.media = DESCRIPTION


class Page:
    """``GET /docs``: the same for people, as one page without scripts."""

    public = True

    def __init__(self) -> None:
        self._page = _page(DESCRIPTION)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the page, which loads nothing from anywhere."""
        resp.content_type = falcon.MEDIA_HTML
        resp.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        resp.text = self._page


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#1a2733}"
    "h2{border-top:1px solid #cfd8e0;padding-top:1rem}code{background:#eef2f5;padding:.1em .3em}"
    "td{padding:.2rem 1rem .2rem 0;vertical-align:top}"
)


def _page(described: dict[str, Any]) -> str:
    info = described["info"]
    parts = [
        f"<h1>{_text(info['title'])}</h1><p>{_text(info['description'])}</p>",
        "<p>For programs: <a href='openapi.json'>openapi.json</a></p>",
    ]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            parts.append(
                f"<h2><code>{method.upper()} {_text(path)}</code></h2><p>{_text(operation['summary'])}.</p>"
            )
            parts.append(_words(operation.get("description")))
            parts.append(_words(operation.get("requestBody", {}).get("description")))
            answers = [(code, answer["description"]) for code, answer in operation["responses"].items()]
            parts.append(_table(answers))
    schemes = described["components"]["securitySchemes"].values()
    parts.append("<h2>The secret</h2><p>In one of these ways:</p>")
    parts.append(
        _table(
            [(s.get("name", "HTTP Basic"), s.get("description", f"in the {s.get('in')}")) for s in schemes]
        )
    )
    parts.append("<h2>A submission</h2><p>Question paths and answers, and of the system's own fields:</p>")
    fields = described["components"]["schemas"]["Submission"]["properties"]
    parts.append(_table([(name, kind.get("description", kind["type"])) for name, kind in fields.items()]))
    title = _text(info["title"])
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>"
        f"{''.join(parts)}</html>"
    )


def _text(value: str) -> str:
    return html.escape(value)


def _words(value: str | None) -> str:
    return f"<p>{_text(value)}</p>" if value else ""


def _table(rows: list[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><td><code>{_text(a)}</code></td><td>{_text(b)}</td></tr>" for a, b in rows)
    return f"<table>{lines}</table>"
