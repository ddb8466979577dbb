"""What users will see, while an administrator types."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_live_preview", __name__, url_prefix="/admin/preview")
