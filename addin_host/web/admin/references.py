"""Small lists that integrations and VMRs refer to: themes and identity provider groups."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_references", __name__, url_prefix="/admin/lists")
