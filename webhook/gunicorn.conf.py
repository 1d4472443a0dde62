"""How gunicorn serves the webhook: ``gunicorn -c webhook/gunicorn.conf.py 'webhook.app:get_app()'``."""

# ruff: noqa: E402  # gevent must replace what blocks before anything else is imported

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

settings = settings_from_env()  # before anything else is written: its sentence must be the only output
bind = settings.webhook_bind

# The work consists of waiting for commits: greenlets do so at once, and cost less than threads. When one
# process dies, the other goes on.
worker_class = Worker
workers = settings.web_concurrency
worker_connections = SENDERS

# A missing setting stops the master at once with its sentence, not each worker again and again.
preload_app = True

# Seconds after which a worker whose event loop is blocked is replaced. A request ends by itself before that.
timeout = 30

# Seconds after SIGTERM to finish what was accepted. A supervisor must wait longer than this before it kills.
graceful_timeout = 25

# Seconds that gunicorn's gevent worker waits for a request's head, on a new connection and on an idle one.
# A KoboToolbox server opens a connection for each delivery; a proxy in front keeps its own open.
keepalive = int(HEAD_SECONDS)

# So a leak of a library does not add up over a year. The jitter keeps the workers from restarting together.
max_requests = 10_000
max_requests_jitter = 1_000

# The largest part of a head is a registrar's ?token=. All senders may send heads of this size at once.
limit_request_line = 4094
limit_request_fields = 48
limit_request_field_size = 8190

# The heartbeat file must not wait for a disk. Other systems than Linux have no /dev/shm: the default will do.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108  # a memory file system, by design

# Every gunicorn of this user would share it, and it fails on a read-only file system.
control_socket_disable = True

# The webhook logs a line for each request itself, without the query, which may have a ?token=.
accesslog = None
logger_class = JsonLogger

metrics.share()


def on_starting(server: Any) -> None:
    """End with a sentence where the address is not free; gunicorn would only log that.

    :param server: gunicorn's master.
    """
    require_free(bind)


def when_ready(server: Any) -> None:
    """Have a stop under load cut off no established connection.

    :param server: gunicorn's master.
    """
    refuse_newcomers_at_the_end(server.LISTENERS)


def post_fork(server: Any, worker: Any) -> None:
    """Have the new worker count in a file of its own.

    :param server: gunicorn's master.
    :param worker: the new worker, in whose process this runs.
    """
    metrics.take_slot()
