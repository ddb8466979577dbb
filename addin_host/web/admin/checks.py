"""Checks of one integration, with their progress."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_checks", __name__, url_prefix="/admin/integrations/<reference>/checks")
