"""Where somebody goes on after proving who they are: a page of the administration, and nowhere else."""

from __future__ import annotations

import re
from urllib.parse import quote

from flask import current_app, request
from werkzeug.exceptions import HTTPException

HOME = "/admin/"
_MAX = 1000
_PATH = re.compile(r"/admin/(?P<rest>[\w.~!$&'()*+,;=:@%/-]*)(?:\?[\w.~!$&'()*+,;=:@%/?-]*)?", re.ASCII)
_ON_THE_WAY = ("signin", "signout", "confirm", "setup")


def safe_next(text: str) -> str:
    """Return the path when it is plainly one of the administration's own pages, and the dashboard otherwise."""
    found = _PATH.fullmatch(text) if len(text) <= _MAX else None
    if found is None or "//" in text.partition("?")[0]:
        return HOME
    parts = found["rest"].split("/")
    return HOME if {".", ".."} & set(parts) or parts[0] in _ON_THE_WAY else text


def here() -> str:
    """Return the address of this request for `next`: of the page itself, or of the form that was sent from it."""
    if request.method in ("GET", "HEAD"):
        return quote(request.full_path.rstrip("?"), safe="")
    path = request.path
    while path.count("/") > 2 and not _can_be_opened(path):
        path = path.rstrip("/").rpartition("/")[0] + "/"
    return quote(path if _can_be_opened(path) else HOME, safe="")


def _can_be_opened(path: str) -> bool:
    try:
        current_app.url_map.bind("").match(path, method="GET")
    except HTTPException:
        return False
    return True
