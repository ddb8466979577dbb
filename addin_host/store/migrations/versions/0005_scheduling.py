"""The scheduling service: mailboxes and what arrived in them, meetings and their rooms, what is to be sent."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    op.create_table(
        "directory_sync",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(1000), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory_sync"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "inbox_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("item_key", sa.String(64), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("change_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("uid", sa.String(255), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("correlation_id", sa.String(36), nullable=False),
        sa.Column("error_code", sa.String(50), nullable=False),
        sa.Column("error", sa.String(1000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_inbox_item"),
        sa.UniqueConstraint("integration_id", "item_key", name="uq_inbox_item_integration_id_item_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_item_finished", "inbox_item", ["finished_at"])
    op.create_index(
        "ix_inbox_item_pending", "inbox_item", ["starts_at", "id"], sqlite_where=_PENDING, postgresql_where=_PENDING
    )
    op.create_index("ix_inbox_item_state", "inbox_item", ["integration_id", "state"])
    op.create_table(
        "mailbox",
        sa.Column("integration_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("swept_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fully_swept_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sweep_asked", sa.Boolean(), nullable=False),
        sa.Column("owned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_passive", sa.Boolean(), nullable=False),
        sa.Column("waits_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("fault", sa.String(32), nullable=False),
        sa.Column("fault_message", sa.String(1000), nullable=False),
        sa.Column("lease_holder", sa.String(64), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("integration_id", name="pk_mailbox"),
    )
    op.create_table(
        "scheduling_operation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transaction_uuid", sa.String(36), nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("error_code", sa.String(50), nullable=False),
        sa.Column("error_description", sa.String(250), nullable=False),
        sa.Column("resource_id", sa.Integer(), nullable=True),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("action", sa.String(50), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=True),
        sa.Column("meeting_uid", sa.String(255), nullable=False),
        sa.Column("occurrence", sa.String(16), nullable=False),
        sa.Column("organizer", sa.String(320), nullable=False),
        sa.Column("tag_uuid", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scheduling_operation"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_scheduling_operation_created_at", "scheduling_operation", ["created_at"])
    op.create_index("ix_scheduling_operation_integration_id", "scheduling_operation", ["integration_id"])
    op.create_index("ix_scheduling_operation_meeting_id", "scheduling_operation", ["meeting_id"])
    op.create_index("ix_scheduling_operation_transaction_uuid", "scheduling_operation", ["transaction_uuid"])
    op.create_table(
        "meeting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(50), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("critical_change", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("organizer", sa.String(320), nullable=False),
        sa.Column("organizer_name", sa.String(250), nullable=False),
        sa.Column("organizer_others", sa.JSON(), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("zone", sa.String(100), nullable=False),
        sa.Column("series", sa.JSON(), nullable=True),
        sa.Column("horizon_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("in_calendar", sa.Boolean(), nullable=False),
        sa.Column("placeholder_tag", sa.String(80), nullable=False),
        sa.Column("alias_id", sa.Integer(), nullable=True),
        sa.Column("conference_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["alias_id"], ["scheduled_alias.id"], name="fk_meeting_alias_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["conference_id"], ["conference.id"], name="fk_meeting_conference_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_meeting"),
        sa.UniqueConstraint("alias_id", name="uq_meeting_alias_id"),
        sa.UniqueConstraint("conference_id", name="uq_meeting_conference_id"),
        sa.UniqueConstraint("integration_id", "uid", name="uq_meeting_integration_id_uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_meeting_horizon_until", "meeting", ["horizon_until"])
    op.create_index("ix_meeting_integration_id", "meeting", ["integration_id"])
    op.create_index("ix_meeting_start_time", "meeting", ["start_time"])
    op.create_table(
        "service_sign_in",
        sa.Column("state_hash", sa.String(64), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("session_hash", sa.String(64), nullable=False),
        sa.Column("sealed_verifier", sa.String(), nullable=False),
        sa.Column("sealed_code", sa.String(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_service_sign_in_account_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("state_hash", name="pk_service_sign_in"),
    )
    op.create_index("ix_service_sign_in_expires_at", "service_sign_in", ["expires_at"])
    op.create_table(
        "outbox_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key", sa.String(250), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=True),
        sa.Column("after_id", sa.Integer(), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("payload_hash", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("correlation_id", sa.String(36), nullable=False),
        sa.Column("error_code", sa.String(50), nullable=False),
        sa.Column("error", sa.String(1000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name="fk_outbox_item_meeting_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_item"),
        sa.UniqueConstraint("key", name="uq_outbox_item_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_item_finished", "outbox_item", ["finished_at"])
    op.create_index("ix_outbox_item_meeting_id", "outbox_item", ["meeting_id"])
    op.create_index(
        "ix_outbox_item_pending", "outbox_item", ["due_at", "id"], sqlite_where=_PENDING, postgresql_where=_PENDING
    )
    op.create_index("ix_outbox_item_state", "outbox_item", ["integration_id", "state"])
    op.create_table(
        "recurring_conference",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("conference_id", sa.Integer(), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("scheduled_alias_id", sa.Integer(), nullable=True),
        sa.Column("current_index", sa.Integer(), nullable=False),
        sa.Column("is_depleted", sa.Boolean(), nullable=False),
        sa.Column("ews_item_id", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id"], ["conference.id"], name="fk_recurring_conference_conference_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meeting.id"], name="fk_recurring_conference_meeting_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["scheduled_alias_id"],
            ["scheduled_alias.id"],
            name="fk_recurring_conference_scheduled_alias_id",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_recurring_conference"),
        sa.UniqueConstraint("meeting_id", name="uq_recurring_conference_meeting_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_recurring_conference_conference_id", "recurring_conference", ["conference_id"])
    op.create_index("ix_recurring_conference_integration_id", "recurring_conference", ["integration_id"])
    op.create_table(
        "scheduled_conference",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("conference_id", sa.Integer(), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("recurring_conference_id", sa.Integer(), nullable=True),
        sa.Column("scheduled_alias_id", sa.Integer(), nullable=True),
        sa.Column("occurrence", sa.String(16), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("ews_item_id", sa.String(255), nullable=False),
        sa.Column("ews_item_uid", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id"], ["conference.id"], name="fk_scheduled_conference_conference_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meeting.id"], name="fk_scheduled_conference_meeting_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["recurring_conference_id"],
            ["recurring_conference.id"],
            name="fk_scheduled_conference_recurring_conference_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["scheduled_alias_id"],
            ["scheduled_alias.id"],
            name="fk_scheduled_conference_scheduled_alias_id",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_scheduled_conference"),
        sa.UniqueConstraint("meeting_id", "occurrence", name="uq_scheduled_conference_meeting_id_occurrence"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_scheduled_conference_closes_at", "scheduled_conference", ["closes_at"])
    op.create_index("ix_scheduled_conference_conference_id", "scheduled_conference", ["conference_id"])
    op.create_index(
        "ix_scheduled_conference_recurring_conference_id", "scheduled_conference", ["recurring_conference_id"]
    )
    op.create_index("ix_scheduled_conference_start_time", "scheduled_conference", ["start_time"])
    op.add_column("conference", sa.Column("is_scheduled", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("conference", sa.Column("sync_tag", sa.String(250), server_default="", nullable=False))


def downgrade() -> None:
    for table in (
        "scheduled_conference",
        "recurring_conference",
        "outbox_item",
        "service_sign_in",
        "meeting",
        "scheduling_operation",
        "mailbox",
        "inbox_item",
        "directory_sync",
    ):
        op.drop_table(table)
    # Without its meeting a room would be a VMR like any other, open to all at all times.
    rooms = "SELECT id FROM conference WHERE is_scheduled"
    op.execute(f"DELETE FROM conference_alias WHERE conference_id IN ({rooms})")  # noqa: S608 - words of this line
    op.execute("DELETE FROM conference WHERE is_scheduled")
    for column in ("sync_tag", "is_scheduled"):
        op.drop_column("conference", column)
