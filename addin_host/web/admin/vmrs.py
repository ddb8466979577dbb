"""VMRs of the directory."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_vmrs", __name__, url_prefix="/admin/vmrs")
