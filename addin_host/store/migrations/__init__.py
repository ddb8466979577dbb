"""Alembic's folder; `store.migrate` is the way in."""
