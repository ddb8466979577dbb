"""Runs the migrations over the connection that `store.migrate` hands in."""

from alembic import context

from addin_host.store.models import Model

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Model.metadata, render_as_batch=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
