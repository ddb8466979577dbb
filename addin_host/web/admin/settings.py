"""The platform settings."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_settings", __name__, url_prefix="/admin/settings")
