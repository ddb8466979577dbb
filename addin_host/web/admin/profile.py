"""What an administrator keeps of the own account: password, one-time codes, sessions."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_profile", __name__, url_prefix="/admin/profile")
