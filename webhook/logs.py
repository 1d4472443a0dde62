"""Log lines as JSON objects, for gunicorn and the webhook alike."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

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
        return json.dumps(line | getattr(record, "fields", {}))


def write_json(*names: str) -> None:
    """Let the loggers of these names write JSON lines to standard output, and nowhere else."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO)
