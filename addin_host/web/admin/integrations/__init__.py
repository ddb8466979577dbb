"""Integrations: list, form, copy, switch off, delete, export."""

from addin_host.web.admin.integrations import editing, listing
from addin_host.web.admin.integrations.room import blueprint

__all__ = ["blueprint", "editing", "listing"]
