"""Has new submissions posted to our webhook, by a REST Service or an external registrar."""

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
    """Which of the two posts to us."""

    REST_SERVICE = "rest_service"
    REGISTRAR = "registrar"


@dataclass(frozen=True)
class Registration:
    """How an endpoint is registered.

    :param channel: what posts to it.
    :param endpoint: our webhook's address.
    :param hook_uid: the REST Service's uid, None for a registrar.
    :param secret_fingerprint: see :func:`fingerprint`.
    :param changed: True if this call changed something.
    :param sentence: what this call did, for a person.
    """

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
    former: Collection[str] = (),
) -> Registration:
    """Register an endpoint, unless it is registered as it should be.

    :param client: the form's client.
    :param endpoint: our webhook's address, as KoboToolbox reaches it (kobo-api.md §5.6).
    :param secret: what each delivery must show; empty where the webhook asks for none.
    :param registrar_url: an external registrar to use in place of a REST Service, if any.
    :param known: what is remembered for this form: nothing else tells what a registrar was told, and which
        REST Service is ours when it posts to another address.
    :param former: other addresses of our webhook at which this form may have been registered before: a REST
        Service for one of them is ours, too.
    :returns: how it is registered now.
    :raises NotPermittedError: the account may not manage the form's REST Services.
    :raises KoboMirrorError: there is no such form, no proper response, or a refusal.
    """
    if registrar_url:
        return _by_registrar(registrar_url, endpoint, secret, known)
    return _by_rest_service(client, endpoint, secret, known, former)


def remove_services(client: KoboClient, addresses: Collection[str]) -> list[str]:
    """Remove the REST Services of a form that post to some addresses; all others stay.

    :param client: the form's client.
    :param addresses: of our webhook.
    :returns: the address of each that was removed, without secrets.
    :raises NotPermittedError: the account may not manage the form's REST Services.
    :raises KoboMirrorError: there is no such form, no proper response, or a refusal.
    """
    ours = [service for service in _services(client) if service.get("endpoint") in addresses]
    for service in ours:
        client.delete_hook(service["uid"])
    return [without_secrets(service["endpoint"]) for service in ours]


def fingerprint(secret: str) -> str:
    """Return 16 hexadecimal digits that tell one secret from another without giving it away.

    :param secret: any text.
    """
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def _by_rest_service(
    client: KoboClient,
    endpoint: str,
    secret: str,
    known: Collection[Registration],
    former: Collection[str],
) -> Registration:
    shown = without_secrets(endpoint)
    wanted = {**_AS_NEEDED, "endpoint": endpoint}
    addresses = {endpoint, *former}
    services = _ours(_services(client), addresses, {r.hook_uid for r in known})
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
    for double in _doubles(others, addresses, known):
        client.delete_hook(double["uid"])
        done.append(f"removed a second REST Service, for {without_secrets(double['endpoint'])}")
    return Registration(
        channel=Channel.REST_SERVICE,
        endpoint=endpoint,
        hook_uid=kept["uid"],
        secret_fingerprint=fingerprint(secret),
        changed=bool(done),
        sentence="; ".join(done) or f"nothing to do: a REST Service posts new submissions to {shown}",
    )


def _ours(services: list[Service], addresses: set[str], uids: Collection[str | None]) -> list[Service]:
    """Return the services remembered as ours, wherever they post to, then others for our addresses."""
    remembered = [service for service in services if service["uid"] in uids]
    return remembered + [s for s in services if s.get("endpoint") in addresses and s not in remembered]


def _doubles(others: list[Service], addresses: set[str], known: Collection[Registration]) -> list[Service]:
    """Return the services to remove: those that post where we had one post.

    One of ours that a person has pointed to another address is left alone.
    """
    ours = addresses | {registration.endpoint for registration in known}
    return [service for service in others if service.get("endpoint") in ours]


def _services(client: KoboClient) -> list[Service]:
    try:
        return client.hooks()
    except NotPermittedError:
        client.form()  # an unknown form looks the same, and says so here
        raise


def _repairs(service: Mapping[str, Any], wanted: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """Return the fields to change so that whole submissions come with our secret (kobo-api.md §5.3)."""
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
    """Return what was wrong with a service, for a person."""
    words = {
        "endpoint": f"it posted to {without_secrets(str(service.get('endpoint')))}",
        "active": "it was switched off",
        "export_type": "it sent XML",
        "subset_fields": "it sent some fields only",
        "payload_template": "it wrapped the submission in a template",
        "settings": "it showed another secret" if _secrets(service) else "it showed no secret",
    }
    return ", ".join(said for name, said in words.items() if name in repairs)


def _by_registrar(url: str, endpoint: str, secret: str, known: Collection[Registration]) -> Registration:
    now = Registration(Channel.REGISTRAR, endpoint, None, fingerprint(secret))
    shown = without_secrets(endpoint)
    if any(
        (r.channel, r.endpoint, r.secret_fingerprint) == (now.channel, endpoint, now.secret_fingerprint)
        for r in known
    ):
        return replace(now, sentence=f"nothing to do: the registrar was told to post to {shown}")
    _tell_registrar(url, _with_token(endpoint, secret))
    return replace(now, changed=True, sentence=f"told the registrar to post new submissions to {shown}")


def _tell_registrar(url: str, endpoint: str) -> None:
    """Post the endpoint to the registrar, which promises only that 200 is success."""
    transport = Transport(
        url,
        setting="INKOMOKO_REGISTER_WEBHOOK_URL",
        headers={"User-Agent": "kobo-mirror"},
        connections=1,
        timeout=(10.0, 30.0),
        ceiling=60.0,
    )
    try:
        response = transport.send("POST", body=msgspec.json.encode({"url": endpoint}))
    finally:
        transport.close()
    if response.status == 429 or response.status >= 500:
        raise ServerError(
            f"The registrar at {transport.server} is busy or down: it answered {response.status}.",
            retry_after=response.retry_after,
        )
    if response.status != 200:
        raise RequestError(
            f"The registrar at {transport.server} did not register the webhook: it answered "
            f"{response.status}. Check INKOMOKO_REGISTER_WEBHOOK_URL."
        )


def _with_token(endpoint: str, secret: str) -> str:
    if not secret:
        return endpoint
    return f"{endpoint}{'&' if '?' in endpoint else '?'}token={quote(secret, safe='')}"


def without_secrets(endpoint: str) -> str:
    """Return an address without its user, password and query, which may be secrets.

    :param endpoint: of a webhook.
    """
    return re.sub(r"//[^/]*@", "//", endpoint.partition("?")[0])
