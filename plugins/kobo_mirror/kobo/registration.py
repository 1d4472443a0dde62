"""Makes sure that new submissions are posted to our webhook, by a REST Service or an external registrar."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import msgspec

from kobo_mirror.errors import NotPermittedError, RequestError, ServerError
from kobo_mirror.kobo.client import KoboClient
from kobo_mirror.kobo.transport import Transport

_HEADER = "X-Webhook-Secret"
_AS_NEEDED: dict[str, Any] = {
    "active": True,
    "export_type": "json",
    "subset_fields": [],
    "payload_template": "",
}


class Way(StrEnum):
    """Who posts to us."""

    REST_SERVICE = "rest_service"
    REGISTRAR = "registrar"


@dataclass(frozen=True)
class Registration:
    """How an endpoint is registered; ``changed`` and ``sentence`` say what this call did about it."""

    way: Way
    endpoint: str
    hook_uid: str | None
    secret_fingerprint: str
    changed: bool = False
    sentence: str = ""


def ensure_registered(
    client: KoboClient, *, endpoint: str, secret: str, registrar_url: str | None, known: Registration | None
) -> Registration:
    """Register ``endpoint``, unless it is registered as it should be.

    :param secret: what each delivery must show; empty where the webhook asks for none.
    :param registrar_url: an external registrar to use in place of a REST Service.
    :param known: the registration remembered for this endpoint: nothing else tells what a registrar was told.
        A REST Service is looked up.
    :raises NotPermittedError: the account may not manage the form's REST Services.
    :raises KoboMirrorError: there is no such form, no proper answer, or a refusal.
    """
    if registrar_url:
        return _by_registrar(registrar_url, endpoint, secret, known)
    return _by_rest_service(client, endpoint, secret)


def fingerprint(secret: str) -> str:
    """What tells one secret from another and gives neither away: 16 hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def _by_rest_service(client: KoboClient, endpoint: str, secret: str) -> Registration:
    shown = _without_query(endpoint)
    services = [service for service in _services(client) if service.get("endpoint") == endpoint]
    services.sort(key=lambda service: len(_repairs(service, secret)))
    done: list[str] = []
    if not services:
        wanted = {**_AS_NEEDED, "name": "Kobo Mirror", "endpoint": endpoint, "auth_level": "no_auth"}
        services = [client.create_hook({**wanted, **_repairs(wanted, secret)})]
        done.append(f"added a REST Service that posts new submissions to {shown}")
    kept, *doubles = services
    if repairs := _repairs(kept, secret):
        client.patch_hook(kept["uid"], repairs)
        done.append(f"mended the REST Service for {shown} ({', '.join(sorted(repairs))})")
    for double in doubles:
        client.delete_hook(double["uid"])
        done.append(f"removed a second REST Service for {shown}")
    return Registration(
        way=Way.REST_SERVICE,
        endpoint=endpoint,
        hook_uid=kept["uid"],
        secret_fingerprint=fingerprint(secret),
        changed=bool(done),
        sentence="; ".join(done) or f"nothing to do: a REST Service posts new submissions to {shown}",
    )


def _services(client: KoboClient) -> list[dict[str, Any]]:
    try:
        return client.hooks()
    except NotPermittedError:
        client.form()  # an unknown form looks the same, and says so here
        raise


def _repairs(service: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """The fields to change, so that whole submissions are posted with our secret (kobo-api.md §5.3)."""
    repairs = {
        name: needed for name, needed in _AS_NEEDED.items() if (service.get(name) or type(needed)()) != needed
    }
    settings = service.get("settings") or {}
    headers = settings.get("custom_headers") or {}
    if secret and [value for name, value in headers.items() if name.lower() == _HEADER.lower()] != [secret]:
        others = {name: value for name, value in headers.items() if name.lower() != _HEADER.lower()}
        repairs["settings"] = {**settings, "custom_headers": {**others, _HEADER: secret}}
    return repairs


def _by_registrar(url: str, endpoint: str, secret: str, known: Registration | None) -> Registration:
    now = Registration(Way.REGISTRAR, endpoint, None, fingerprint(secret))
    shown = _without_query(endpoint)
    if known and (known.way, known.endpoint, known.secret_fingerprint) == (
        now.way,
        endpoint,
        now.secret_fingerprint,
    ):
        return replace(now, sentence=f"nothing to do: the registrar was told to post to {shown}")
    _tell_registrar(url, _with_token(endpoint, secret))
    return replace(now, changed=True, sentence=f"told the registrar to post new submissions to {shown}")


def _tell_registrar(url: str, endpoint: str) -> None:
    """Post the endpoint; 200 is success (the registrar's only promise)."""
    transport = Transport(
        url,
        setting="INKOMOKO_REGISTER_WEBHOOK_URL",
        headers={"User-Agent": "kobo-mirror"},
        max_in_flight=1,
        timeout=(10.0, 30.0),
        ceiling=60.0,
    )
    try:
        answer = transport.send("POST", body=msgspec.json.encode({"url": endpoint}))
    finally:
        transport.close()
    if answer.status == 429 or answer.status >= 500:
        raise ServerError(
            f"The registrar at {transport.server} is busy or down: it answered {answer.status}.",
            retry_after=answer.retry_after,
        )
    if answer.status != 200:
        raise RequestError(
            f"The registrar at {transport.server} did not register the webhook: it answered {answer.status}. "
            "Check INKOMOKO_REGISTER_WEBHOOK_URL."
        )


def _with_token(endpoint: str, secret: str) -> str:
    if not secret:
        return endpoint
    return f"{endpoint}{'&' if '?' in endpoint else '?'}token={quote(secret, safe='')}"


def _without_query(endpoint: str) -> str:
    return endpoint.partition("?")[0]
