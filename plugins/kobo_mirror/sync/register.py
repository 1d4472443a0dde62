"""Register: have KoboToolbox post new submissions to the webhook, and remember that."""

from __future__ import annotations

from sqlalchemy import Engine

from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.rest_services import Channel, Registration, ensure_registered
from kobo_mirror.store.registrations import Remembered, remember, remembered


def register_webhook(
    client: KoboClient, engine: Engine, *, endpoint: str, secret: str, registrar_url: str = ""
) -> Registration:
    """Register the webhook once; a second call changes nothing and says so.

    Where the endpoint is another than before, the REST Service of the earlier one is changed to it.

    :param client: the form's client.
    :param engine: the database, which remembers the registration.
    :param endpoint: the webhook's address, as KoboToolbox reaches it.
    :param secret: what each delivery must show; empty where the webhook asks for none.
    :param registrar_url: the address of an external registrar; empty for a REST Service.
    :returns: the registration, and what this call changed.
    :raises NotPermittedError: the token may not manage the form's REST Services.
    :raises KoboMirrorError: the server or the database could not do it.
    """
    before = remembered(engine, client.form_key)
    known = [
        Registration(Channel(row.channel), row.endpoint, row.hook_uid, row.secret_fingerprint)
        for row in before
    ]
    found = ensure_registered(
        client, endpoint=endpoint, secret=secret, registrar_url=registrar_url or None, known=known
    )
    now = Remembered(found.channel.value, found.endpoint, found.hook_uid, found.secret_fingerprint)
    if before != [now]:
        remember(engine, client.form_key, now)
    return found
