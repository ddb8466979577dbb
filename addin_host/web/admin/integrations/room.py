"""The room that the pages of integrations are in."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_integrations", __name__, url_prefix="/admin/integrations")
