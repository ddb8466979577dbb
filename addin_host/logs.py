"""Structured logs: one JSON object a line, with the correlation id, redacted at the root."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from addin_host.domain.redaction import correlation_id, redact


class JsonLines(logging.Formatter):
    """Formats a record as JSON. Nothing reaches a handler without passing the redactor."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Exceptions keep their frames, never the values of local variables."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "correlation_id": correlation_id.get(),
            "message": redact(record.getMessage()),
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = redact("".join(traceback.format_exception(*record.exc_info)))
        return json.dumps(line, ensure_ascii=False)


def configure(level: str) -> None:
    """Send every logger's lines to standard error. Safe to call again."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    gunicorn = logging.getLogger("gunicorn.error")
    gunicorn.handlers[:], gunicorn.propagate = [], True
    for name in ("werkzeug", "urllib3", "PIL", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
