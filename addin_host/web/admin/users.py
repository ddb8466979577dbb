"""Users of the directory."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_users", __name__, url_prefix="/admin/users")
