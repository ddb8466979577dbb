"""The management REST API (design/rest.md)."""
