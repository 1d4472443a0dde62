"""Makes sure that new submissions are posted to our webhook, by a REST Service or an external registrar."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec

from kobo_mirror.errors import NotPermittedError, RequestError, ServerError
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.transport import Transport

Service: TypeAlias = dict[str, Any]

_HEADER = "X-Webhook-Secret"
_AS_NEEDED: dict[str, Any] = {
    "active": True,
    "export_type": "json",
    "subset_fields": [],
    "payload_template": "",
}


class Channel(StrEnum):
    """Who posts to us."""

    REST_SERVICE = "rest_service"
    REGISTRAR = "registrar"


@dataclass(frozen=True)
class Registration:
    """How an endpoint is registered; ``changed`` and ``sentence`` say what this call did about it."""

    channel: Channel
    endpoint: str
    hook_uid: str | None
    secret_fingerprint: str
    changed: bool = False
    sentence: str = ""


def ensure_registered(
    client: KoboClient,
    *,
    endpoint: str,
    secret: str,
    registrar_url: str | None,
    known: Collection[Registration],
) -> Registration:
    """Register ``endpoint``, unless it is registered as it should be.

    :param secret: what each delivery must show; empty where the webhook asks for none.
    :param registrar_url: an external registrar to use in place of a REST Service.
    :param known: what is remembered for this form: nothing else tells what a registrar was told, and which
        REST Service is ours when it posts to another address.
    :raises NotPermittedError: the account may not manage the form's REST Services.
    :raises KoboMirrorError: there is no such form, no proper answer, or a refusal.
    """
    if registrar_url:
        return _by_registrar(registrar_url, endpoint, secret, known)
    return _by_rest_service(client, endpoint, secret, known)


def fingerprint(secret: str) -> str:
    """What tells one secret from another and gives neither away: 16 hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def _by_rest_service(
    client: KoboClient, endpoint: str, secret: str, known: Collection[Registration]
) -> Registration:
    shown = _shown(endpoint)
    wanted = {**_AS_NEEDED, "endpoint": endpoint}
    services = _ours(_services(client), endpoint, {r.hook_uid for r in known})
    services.sort(key=lambda service: len(_repairs(service, wanted, secret)))
    done: list[str] = []
    if not services:
        made = {**wanted, "name": "Kobo Mirror", "auth_level": "no_auth"}
        services = [client.create_hook({**made, **_repairs(made, wanted, secret)})]
        done.append(f"added a REST Service that posts new submissions to {shown}")
    kept, *others = services
    if repairs := _repairs(kept, wanted, secret):
        client.patch_hook(kept["uid"], repairs)
        done.append(f"mended the REST Service for {shown}: {_faults(kept, repairs)}")
    for double in _doubles(others, endpoint, known):
        client.delete_hook(double["uid"])
        done.append(f"removed a second REST Service, for {_shown(double['endpoint'])}")
    return Registration(
        channel=Channel.REST_SERVICE,
        endpoint=endpoint,
        hook_uid=kept["uid"],
        secret_fingerprint=fingerprint(secret),
        changed=bool(done),
        sentence="; ".join(done) or f"nothing to do: a REST Service posts new submissions to {shown}",
    )


def _ours(services: list[Service], endpoint: str, uids: Collection[str | None]) -> list[Service]:
    """Those that post to our endpoint, and those we remember wherever they post to; these first."""
    remembered = [service for service in services if service["uid"] in uids]
    return remembered + [s for s in services if s.get("endpoint") == endpoint and s not in remembered]


def _doubles(others: list[Service], endpoint: str, known: Collection[Registration]) -> list[Service]:
    """Those that post where we had them post. Where somebody else sent one of ours is their affair."""
    ours = {endpoint, *(registration.endpoint for registration in known)}
    return [service for service in others if service.get("endpoint") in ours]


def _services(client: KoboClient) -> list[Service]:
    try:
        return client.hooks()
    except NotPermittedError:
        client.form()  # an unknown form looks the same, and says so here
        raise


def _repairs(service: Mapping[str, Any], wanted: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """The fields to change, so that whole submissions are posted to us with our secret (kobo-api.md §5.3)."""
    repairs = {
        name: needed for name, needed in wanted.items() if (service.get(name) or type(needed)()) != needed
    }
    settings = service.get("settings") or {}
    headers = settings.get("custom_headers") or {}
    if secret and _secrets(service) != [secret]:
        others = {name: value for name, value in headers.items() if name.lower() != _HEADER.lower()}
        repairs["settings"] = {**settings, "custom_headers": {**others, _HEADER: secret}}
    return repairs


def _secrets(service: Mapping[str, Any]) -> list[str]:
    headers = (service.get("settings") or {}).get("custom_headers") or {}
    return [value for name, value in headers.items() if name.lower() == _HEADER.lower()]


def _faults(service: Mapping[str, Any], repairs: Collection[str]) -> str:
    """What was wrong with it, for a person."""
    words = {
        "endpoint": f"it posted to {_shown(str(service.get('endpoint')))}",
        "active": "it was switched off",
        "export_type": "it sent XML",
        "subset_fields": "it sent some fields only",
        "payload_template": "it wrapped the submission in a template",
        "settings": "it showed another secret" if _secrets(service) else "it showed no secret",
    }
    return ", ".join(said for name, said in words.items() if name in repairs)


def _by_registrar(url: str, endpoint: str, secret: str, known: Collection[Registration]) -> Registration:
    now = Registration(Channel.REGISTRAR, endpoint, None, fingerprint(secret))
    shown = _shown(endpoint)
    if any(
        (r.channel, r.endpoint, r.secret_fingerprint) == (now.channel, endpoint, now.secret_fingerprint)
        for r in known
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
        connections=1,
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


def _shown(endpoint: str) -> str:
    """An address without what may be a secret in it."""
    return re.sub(r"//[^/]*@", "//", endpoint.partition("?")[0])
