"""The audit log."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_audit", __name__, url_prefix="/admin/audit")
