"""Write log lines as JSON objects, gunicorn's and the webhook's alike."""

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
    """Formats a record as a line of JSON: time, level, message, and the fields of ``extra={"fields": …}``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's line; a token is masked, since gunicorn quotes the line of a malformed request.

        :param record: the record.
        """
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
    """gunicorn's logger, made to write its own lines and the webhook's as JSON to standard output."""

    def setup(self, cfg: Any) -> None:
        """Replace the handlers that gunicorn has just made.

        :param cfg: gunicorn's settings.
        """
        super().setup(cfg)
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(JsonFormatter())
        for logger in (self.error_log, logging.getLogger("webhook")):
            logger.handlers = [handler]
            logger.propagate = False
            logger.setLevel(logging.INFO)
