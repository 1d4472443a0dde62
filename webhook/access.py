"""Decide who may send: who knows a secret, and comes from an allowed network."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import falcon

from kobo_mirror.config.deliveries import form_secret

Network = IPv4Network | IPv6Network


class SourceCheck:
    """Middleware that allows requests from some networks only, except to public resources.

    :param allowed: the networks; none at all allows every request.
    :param proxies: the networks of our own proxies, whose ``X-Forwarded-For`` is believed.
    """

    def __init__(self, allowed: Iterable[Network], proxies: Iterable[Network]) -> None:
        self._allowed, self._proxies = tuple(allowed), tuple(proxies)

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, Any]
    ) -> None:
        """Check the nearest address that is no proxy of ours.

        :raises falcon.HTTPForbidden: it is in none of the networks.
        """
        if not self._allowed or getattr(resource, "public", False):
            return
        source = self._source(req)
        if source is None or not _within(source, self._allowed):
            raise falcon.HTTPForbidden(description="Not from this address.")

    def _source(self, req: falcon.Request) -> IPv4Address | IPv6Address | None:
        hops = [
            hop.strip() for hop in req.get_header("X-Forwarded-For", default="").split(",") if hop.strip()
        ]
        source = _address(req.remote_addr)
        while hops and source is not None and _within(source, self._proxies):
            source = _address(hops.pop())
        return source


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _within(address: IPv4Address | IPv6Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


class SecretCheck:
    """Middleware that allows requests which show one of some secrets, except to public resources.

    The path of a form asks for the form's own secret, which opens no other path.

    :param secrets: the secrets; none at all allows every request.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secrets)

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, Any]
    ) -> None:
        """Compare in constant time, as bytes: a secret that is not ASCII must be a wrong one, not a fault.

        :raises falcon.HTTPUnauthorized: no secret or a wrong one.
        :raises falcon.HTTPNotFound: the path ends where a form's key should stand.
        """
        form_key = params.get("form_key")
        if form_key == "":
            raise falcon.HTTPNotFound(description="No form's key stands behind the last slash.")
        if not self._secrets or getattr(resource, "public", False):
            return
        offers = [offer.encode("utf-8", "surrogatepass") for offer in _offered(req)]
        asked = self._secrets if form_key is None else [form_secret(one, form_key) for one in self._secrets]
        secrets = [secret.encode() for secret in asked]
        if not any(hmac.compare_digest(offer, secret) for offer in offers for secret in secrets):
            raise falcon.HTTPUnauthorized(
                description="The secret is missing or wrong.", challenges=['Basic realm="kobo-mirror"']
            )


def _offered(req: falcon.Request) -> Iterator[str]:
    """Yield the secrets that a request shows: by header, as the password of HTTP Basic, in the query."""
    yield req.get_header("X-Webhook-Secret", default="")
    scheme, _, credentials = (req.auth or "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            yield base64.b64decode(credentials, validate=True).decode("latin-1").partition(":")[2]
    yield from req.get_param_as_list("token") or []
