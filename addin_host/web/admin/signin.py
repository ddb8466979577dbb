"""Administrators signing in and out: password, one-time code, OpenID Connect, one-time links."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_signin", __name__, url_prefix="/admin")
