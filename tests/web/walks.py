"""Every route of an application, with an address that reaches it: what the walks of security.md section 15 go over."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask, url_for
from sqlalchemy import select
from werkzeug.routing import Rule

from addin_host.store.db import Database
from addin_host.store.models import Model
from addin_host.web.admission import Admission, Auth

HOST = "vmr.example.com"
ADMIN = "127.0.0.1"
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# What stands in an address besides the reference of an integration. A new name has to be given a value here.
VALUES: dict[str, Any] = {
    "size": 32,
    "version": "0" * 12,
    "path": "addin/pane.js",
    "filename": "js/bootstrap.min.js",
    "token": "t" * 43,
    "field": "personal_vmr_instructions_template",
    "kind": "ivr_theme",
    "resource": "conference",
    "name": "x",
    "queue": "inbox",
}


@dataclass(frozen=True)
class Route:
    """One rule and one method. `address` is its URL with the arguments given or taken from VALUES; others are 1."""

    rule: Rule
    method: str
    view: Any
    address: str

    @property
    def admission(self) -> Admission:
        return self.view.admission

    @property
    def kind(self) -> str:
        return self.view.page_kind

    @property
    def is_unsafe(self) -> bool:
        return self.method in UNSAFE

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule}"


def address_of(app: Flask, rule: Rule, **given: Any) -> str:
    """Return the URL of a rule: administrators' pages on this machine, everything else at the add-in's host name."""
    arguments = {name: given.get(name, VALUES.get(name, 1)) for name in rule.arguments}
    administration = rule.rule.startswith(("/admin", "/api/admin", "/bootstrap", "/metrics"))
    with app.test_request_context(base_url=f"https://{ADMIN if administration else HOST}"):
        return url_for(rule.endpoint, **arguments, _external=True)


def routes(app: Flask, *auth: Auth, **given: Any) -> Iterator[Route]:
    """Go over every rule and method (without OPTIONS, and HEAD that goes with GET); `auth` narrows it."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if auth and view.admission.auth not in auth:
            continue
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            yield Route(rule, method, view, address_of(app, rule, **given))


def alike(page: str) -> str:
    """Return a page without what differs each time: its correlation id, and the form's token with its second."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|value=\"[^\"]+\"", "", page)


def contents(database: Database) -> str:
    """Return a digest of all rows; when a session was last used, and how often somebody asked, do not count."""
    digest = hashlib.sha256()
    with database.read() as session:
        for table in Model.metadata.sorted_tables:
            if table.name in ("request_count",):
                continue
            columns = [column for column in table.columns if column.name not in ("seen_at", "used_at")]
            found = sorted(json.dumps(list(row), default=str) for row in session.execute(select(*columns)))
            digest.update(json.dumps([table.name, found]).encode())
    return digest.hexdigest()
