"""Deploying one integration: manifest, icon, addresses to register, commands."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("admin_deploy", __name__, url_prefix="/admin/integrations/<reference>/deploy")
