"""Build the service: ``create_app`` from what it needs, ``get_app`` from the environment."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_network
from typing import TypeAlias

import falcon
from sqlalchemy import Engine

from kobo_mirror.config.asset_addresses import asset_uri
from kobo_mirror.config.settings import SET_IT, Settings
from kobo_mirror.database.dialects import dialect_of_url
from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import ConfigurationError, DatabaseError, SchemaError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.mirror import Mirror, uid_of
from kobo_mirror.sync.context import form_of
from kobo_mirror.sync.receive import Receiver
from kobo_mirror.sync.receive_by_path import PathReceivers
from webhook.access import Network, SecretCheck, SourceCheck
from webhook.airflow_events import AirflowEvents
from webhook.grouping import in_groups
from webhook.health import Figures, Live, MetricsPage, Ready
from webhook.metrics import Metrics
from webhook.middleware import RequestLog, answer_unavailable, answer_unexpected, write_error
from webhook.openapi import Description, Page
from webhook.resources import FORM_PATH, PATH, FormSubmissions, Submissions, Taking
from webhook.settings import refusal, settings_from_env

Application: TypeAlias = "falcon.App[falcon.Request, falcon.Response]"

# Seconds a connect or a lock may take, and about twice that an answer: a 503 comes within 5 s even so.
# A file knows no connect and no answer to wait for, but makes its one writer's queue wait longer.
PATIENCE, FILE_PATIENCE = 1, 4

# Of each worker: for what commits, and for dead letters. A form whose tables are locked holds two to four of
# them: `LEADERS` of a group committer, and as many that put deliveries in the refetch queue.
CONNECTIONS = 16


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What the service works with.

    :param engine: the database.
    :param probe: another engine of it, for the readiness check: a busy pool is not a dead database.
    :param mirrors: the forms whose submissions are taken without a form key in the path; their tables are
        asked of the database. Which forms have a path of their own, only the database tells.
    :param keep_payloads: ``rejected`` or ``all``, as for the writer.
    :param secrets: a sender must show one of them; none at all lets everybody send.
    :param allowed: the networks that may send; none at all lets everybody send.
    :param proxies: the networks of our own proxies, whose ``X-Forwarded-For`` is believed.
    :param arrived: called with the form of each submission that changed the mirror; it must neither wait nor
        raise.
    """

    engine: Engine
    probe: Engine
    mirrors: Sequence[Mirror]
    keep_payloads: str = "rejected"
    secrets: tuple[str, ...] = field(repr=False)
    allowed: Sequence[Network] = ()
    proxies: Sequence[Network] = ()
    arrived: Callable[[Mirror], None] = field(default=lambda _: None)


def create_app(deps: Dependencies) -> Application:
    """Return the WSGI application, which has connected to nothing yet.

    :param deps: what it works with.
    """
    metrics = Metrics(Figures(deps.probe, deps.mirrors))
    taking = Taking(metrics, deps.arrived)
    around = (RequestLog(metrics), SourceCheck(deps.allowed, deps.proxies), SecretCheck(deps.secrets))
    app: Application = falcon.App(middleware=around)
    app.set_error_serializer(write_error)
    app.add_error_handler(Exception, answer_unexpected)
    app.add_error_handler((DatabaseError, SchemaError), answer_unavailable)
    receiver = Receiver(deps.engine, deps.mirrors, deps.keep_payloads, in_groups)
    receivers = PathReceivers(deps.engine, deps.keep_payloads, in_groups)
    app.add_route(PATH, Submissions(receiver, taking))
    app.add_route(FORM_PATH, FormSubmissions(receivers, taking))
    app.add_route("/health/live", Live())
    app.add_route("/health/ready", Ready(deps.probe, deps.mirrors))
    app.add_route("/metrics", MetricsPage(metrics))
    app.add_route("/openapi.json", Description())
    app.add_route("/docs", Page())
    return app


def get_app() -> Application:
    """Return the application that the environment describes. The database need not be reachable yet.

    :raises SystemExit: with a sentence that names what is missing or malformed.
    """
    settings = settings_from_env()
    try:
        patience = FILE_PATIENCE if dialect_of_url(settings.database_url).is_file else PATIENCE
        connect = partial(open_engine, settings.database_url, in_greenlets=True)
        deps = Dependencies(
            engine=connect(pool_size=CONNECTIONS, patience=patience, ping=False, several=True),
            probe=connect(pool_size=1, patience=patience),
            mirrors=_without_key(settings),
            keep_payloads=settings.kobo_keep_payloads,
            secrets=_secrets(settings),
            allowed=_networks(settings.webhook_allowed_networks),
            proxies=_networks(settings.webhook_trusted_proxies),
            **_events(settings),
        )
    except ConfigurationError as problem:
        raise refusal(problem) from None
    for engine in (deps.engine, deps.probe):
        os.register_at_fork(after_in_child=partial(engine.dispose, close=False))
    return create_app(deps)


def _without_key(settings: Settings) -> list[Mirror]:
    """Return the form of ``KOBO_ASSET_ID``, whose deliveries are posted without a form key, if it is set."""
    if settings.kobo_asset_id:
        return [form_of(settings)]
    logging.getLogger("webhook").info("Submissions are taken at %s/<form key>.", PATH)
    return []


def _secrets(settings: Settings) -> tuple[str, ...]:
    if settings.webhook_auth == "none":
        logging.getLogger("webhook").warning("WEBHOOK_AUTH=none: submissions are taken from everybody.")
        return ()
    if not settings.webhook_secret:
        raise ConfigurationError(
            f"WEBHOOK_SECRET is not set. {SET_IT} `make env` makes one. Or set WEBHOOK_AUTH=none to take "
            "submissions from everybody."
        )
    return tuple(filter(None, (settings.webhook_secret, settings.webhook_secret_previous)))


def _events(settings: Settings) -> dict[str, Callable[[Mirror], None]]:
    """Return what sends Airflow events of arrivals, as ``arrived``; empty where that is not set up."""
    if not settings.webhook_airflow_url:
        return {}
    if not settings.webhook_airflow_login:
        raise ConfigurationError("WEBHOOK_AIRFLOW_LOGIN is not set, but WEBHOOK_AIRFLOW_URL is. Set both.")
    events = AirflowEvents(
        url=settings.webhook_airflow_url,
        login=settings.webhook_airflow_login,
        every=settings.webhook_airflow_every_seconds,
    )
    own = settings.kobo_url, settings.kobo_asset_id

    def arrived(mirror: Mirror) -> None:
        is_own = (mirror.server, uid_of(mirror.asset_uid)) == own
        events.arrived(asset_uri(FORM.table if is_own else mirror.table))

    return {"arrived": arrived}


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(part) for part in text.split(",") if part)
