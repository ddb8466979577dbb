"""Single-use VMRs: aliases that are handed out, keys of tags, and identity tokens that were seen."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TAKEN = sa.text("released_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "tag_key",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed_key", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tag_key"),
    )
    op.create_table(
        "scheduled_alias",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("alias", sa.String(250), nullable=False),
        sa.Column("numeric_alias", sa.String(250), nullable=False),
        sa.Column("alias_number", sa.BigInteger(), nullable=False),
        sa.Column("is_used", sa.Boolean(), nullable=False),
        sa.Column("ews_item_uid", sa.String(255), nullable=True),
        sa.Column("caller", sa.String(64), nullable=False),
        sa.Column("visit", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("conference_deletion_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_scheduled_alias"),
        sa.UniqueConstraint("uuid", name="uq_scheduled_alias_uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_scheduled_alias_asked", "scheduled_alias", ["integration_id", "created_at"])
    op.create_index("ix_scheduled_alias_asked_by", "scheduled_alias", ["caller", "created_at"])
    for name, column in (("alias", "alias"), ("number", "numeric_alias")):
        op.create_index(
            f"uq_scheduled_alias_{name}",
            "scheduled_alias",
            [sa.text(f"lower({column})")],
            unique=True,
            sqlite_where=_TAKEN,
            postgresql_where=_TAKEN,
        )
    op.create_table(
        "seen_token",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("network", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_seen_token"),
    )
    op.create_index("ix_seen_token_expires_at", "seen_token", ["expires_at"])


def downgrade() -> None:
    for table in ("seen_token", "scheduled_alias", "tag_key"):
        op.drop_table(table)
