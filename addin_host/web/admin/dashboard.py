"""The dashboard."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_dashboard", __name__, url_prefix="/admin")
