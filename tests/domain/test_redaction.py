import json
import logging

import pytest

from addin_host.domain.redaction import correlation_id, new_correlation_id, redact
from addin_host.logs import JsonLines

HIDDEN = [
    ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
    ("Authorization: Basic dXNlcjpjYW5hcnk=", "dXNlcjpjYW5hcnk="),
    ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl here", "eyJzdWIiOiIxIn0"),
    ("GET https://login.example.com/cb?code=canary1&state=canary2", "canary"),
    ("state=canary-state&x=1", "canary-state"),
    ("{'client_secret': 'canary secret', 'a': 1}", "canary"),
    ('{"pin": "2580", "guest_pin": "4711"}', "2580"),
    ('{"pin": "2580", "guest_pin": "4711"}', "4711"),
    ("guest_pin=4711", "4711"),
    ("password: canary", "canary"),
    ("https://user:canary@host.example.com/path", "canary"),
    ("code_verifier=canary", "canary"),
    ("access_token='canary'", "canary"),
]


@pytest.mark.parametrize(("text", "canary"), HIDDEN)
def test_what_opens_a_door_is_hidden(text: str, canary: str):
    assert canary not in redact(text)


def test_lines_cannot_be_forged():
    assert redact("a\r\nb") == "a\\r\\nb"


def test_ordinary_words_stay():
    text = "User 7 signed in to integration 2 by AZURE; opinion: fine, pinned at 3"
    assert redact(text) == text


def test_a_log_line_is_json_with_the_correlation_id():
    number = new_correlation_id()
    record = logging.LogRecord("x", logging.INFO, "f", 1, "secret=%s", ("canary",), None)
    line = json.loads(JsonLines().format(record))
    assert line["correlation_id"] == number == correlation_id.get()
    assert line["message"] == "secret=[hidden]"
    assert set(line) == {"time", "level", "logger", "correlation_id", "message"}


def test_exceptions_are_redacted_too():
    try:
        raise ValueError("token=canary")
    except ValueError as problem:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", (), (type(problem), problem, None))
    assert "canary" not in JsonLines().format(record)
    assert "ValueError" in JsonLines().format(record)
