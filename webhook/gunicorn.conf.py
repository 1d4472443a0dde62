"""How gunicorn serves the webhook: ``gunicorn -c webhook/gunicorn.conf.py 'webhook.app:get_app()'``."""

# ruff: noqa: E402  # what waits must wait gevent's way before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import os
from typing import Any

from webhook import HEAD_SECONDS, SENDERS, metrics
from webhook.draining import refuse_newcomers_at_the_end
from webhook.logs import JsonLogger
from webhook.settings import require_free, settings_from_env
from webhook.worker import Worker

settings = settings_from_env()  # before anything else: its sentence is to be all that is said
bind = settings.webhook_bind

# The work is waiting for a commit: greenlets overlap that, and cost less than threads while they wait. A
# second process goes on when one dies.
worker_class = Worker
workers = settings.web_concurrency
worker_connections = SENDERS

# A missing setting stops the master at once with its sentence, not each worker again and again.
preload_app = True

# A worker whose loop does not beat for this long is replaced. A request ends by itself before.
timeout = 30

# SIGTERM: what has been accepted is finished. A supervisor must give more than this before it kills.
graceful_timeout = 25

# gunicorn's gevent worker gives the head of a request so long, the silence before it included. A KoboToolbox
# server opens a connection a delivery; a proxy in front keeps its own open.
keepalive = int(HEAD_SECONDS)

# A leak of a library must not add up over a year; the jitter keeps the workers from restarting together.
max_requests = 10_000
max_requests_jitter = 1_000

# The largest thing in a request's head is a registrar's ?token=. Every sender at once may fill a head so far.
limit_request_line = 4094
limit_request_fields = 48
limit_request_field_size = 8190

# The heartbeat file must not wait for a disk; elsewhere than on Linux the default is right.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108  # a memory file system, by design

# It would be shared by every gunicorn of this user, and fails on a read-only file system.
control_socket_disable = True

# The webhook writes its own line a request, without the query (which may be ?token=).
accesslog = None
logger_class = JsonLogger

metrics.share()


def on_starting(server: Any) -> None:
    """gunicorn would only log that it cannot listen."""
    require_free(bind)


def when_ready(server: Any) -> None:
    """Let a stop under load cut off no connection that the system has made."""
    refuse_newcomers_at_the_end(server.LISTENERS)


def post_fork(server: Any, worker: Any) -> None:
    """Each worker counts in a file of its own."""
    metrics.take_slot()
