"""Search of the directory: an order by name, and an index of runs of three characters.

Whoever recreates one of the three tables on SQLite (Alembic's batch mode) has to recreate the triggers as well.
"""

import logging

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SEARCHED = {
    "conference": ("search_conference", ("name", "description", "primary_owner_email_address")),
    "conference_alias": ("search_alias", ("alias",)),
    "end_user": ("search_user", ("primary_email_address", "first_name", "last_name", "display_name")),
}
_log = logging.getLogger(__name__)


def upgrade() -> None:
    op.create_index("ix_conference_name", "conference", [sa.text("lower(name)"), "id"])
    if op.get_bind().dialect.name == "postgresql":
        _upgrade_postgresql()
    else:
        op.create_table(
            "search_new",
            sa.Column("source", sa.String(length=32), nullable=False),
            sa.Column("id", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("source", "id", name="pk_search_new"),
        )
        for table, (index, columns) in _SEARCHED.items():
            _upgrade_sqlite(table, index, columns)


def _upgrade_postgresql() -> None:
    try:
        with op.get_bind().begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DBAPIError as problem:
        _log.warning(
            "The extension pg_trgm cannot be made (%s). Searching a large directory is slow without it. Ask the "
            "database's administrator for CREATE EXTENSION pg_trgm, then run: addin-host db downgrade 0002 --yes; "
            "addin-host db upgrade",
            str(problem.orig).splitlines()[0],
        )
        return
    for table, (_index, columns) in _SEARCHED.items():
        joined = " || ".join(f"chr({9 if column == 'description' else 10}) || {column}" for column in columns)
        expression = f"translate(lower({joined}), ' .@_+-' || chr(9), 'QXJZWVK')"
        # Every search reads the list of pending entries, so it is kept short; without one, imports take far longer.
        options = "WITH (gin_pending_list_limit = 256)"
        op.execute(f"CREATE INDEX ix_{table}_search ON {table} USING gin (({expression}) gin_trgm_ops) {options}")


def _upgrade_sqlite(table: str, index: str, columns: tuple[str, ...]) -> None:
    names = ", ".join(columns)
    old = ", ".join(f"old.{column}" for column in columns)
    new = ", ".join(f"new.{column}" for column in columns)
    differs = " OR ".join(f"old.{column} IS NOT new.{column}" for column in columns)
    forget = f"INSERT INTO {index} ({index}, rowid, {names}) VALUES ('delete', old.id, {old});"
    learn = f"INSERT INTO {index} (rowid, {names}) VALUES (new.id, {new});"
    op.execute(
        f"CREATE VIRTUAL TABLE {index} USING fts5({names}, content='{table}', content_rowid='id',"
        " tokenize='trigram', detail=none, columnsize=0)"
    )
    op.execute(f"INSERT INTO {index} (rowid, {names}) SELECT id, {names} FROM {table}")
    # FTS5 writes to the file at every statement that a trigger runs, so imports note ids first and index them in bulk.
    later = "EXISTS (SELECT 1 FROM mark WHERE name = 'search_later')"
    note = f"INSERT INTO search_new (source, id) VALUES ('{table}', new.id);"
    op.execute(f"CREATE TRIGGER {index}_insert AFTER INSERT ON {table} WHEN NOT {later} BEGIN {learn} END")
    op.execute(f"CREATE TRIGGER {index}_later AFTER INSERT ON {table} WHEN {later} BEGIN {note} END")
    op.execute(f"CREATE TRIGGER {index}_delete AFTER DELETE ON {table} BEGIN {forget} END")
    op.execute(
        f"CREATE TRIGGER {index}_update AFTER UPDATE OF {names} ON {table} WHEN {differs} BEGIN {forget} {learn} END"
    )


def downgrade() -> None:
    for table, (index, _columns) in _SEARCHED.items():
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP INDEX IF EXISTS ix_{table}_search")  # the extension stays: others may use it
        else:
            for action in ("insert", "later", "delete", "update"):
                op.execute(f"DROP TRIGGER {index}_{action}")
            op.execute(f"DROP TABLE {index}")
    if op.get_bind().dialect.name != "postgresql":
        op.drop_table("search_new")
    op.drop_index("ix_conference_name", "conference")
