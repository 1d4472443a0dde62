"""Log lines as JSON objects, for gunicorn and the webhook alike."""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

_TOKEN = re.compile(r"(?i)(token=)[^&\s'\"]+")


class JsonFormatter(logging.Formatter):
    """One line a record: when, how bad, what, and the fields given as ``extra={"fields": …}``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. gunicorn may quote the request line of a broken request; a token in it is blotted out."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": record.process,
            "message": _TOKEN.sub(r"\1***", record.getMessage()),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return msgspec.json.encode(line | getattr(record, "fields", {})).decode()


class JsonLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's logger: its own lines and the webhook's are JSON on standard output, from the first one."""

    def setup(self, cfg: Any) -> None:
        """Take the place of the handlers that gunicorn has just made."""
        super().setup(cfg)
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(JsonFormatter())
        for logger in (self.error_log, logging.getLogger("webhook")):
            logger.handlers = [handler]
            logger.propagate = False
            logger.setLevel(logging.INFO)
