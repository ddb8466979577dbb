"""The list of alarms."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_alarms", __name__, url_prefix="/admin/alarms")
