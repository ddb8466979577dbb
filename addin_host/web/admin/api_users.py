"""Credentials of programs that use the REST API."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_api_users", __name__, url_prefix="/admin/api-users")
