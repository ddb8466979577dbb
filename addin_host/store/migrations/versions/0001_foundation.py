"""Foundation: integrations, directory, sign-in, platform settings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _id() -> sa.Column:
    return sa.Column("id", sa.Integer(), primary_key=True)


def _text(name: str, length: int | None = None, **options: bool) -> sa.Column:
    return sa.Column(name, sa.String(length), nullable=options.pop("nullable", False), **options)


def _instant(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _belongs_to(table: str, column: str, name: str, **options: bool) -> tuple[sa.Column, sa.ForeignKeyConstraint]:
    return (
        sa.Column(column, sa.Integer(), nullable=options.pop("nullable", False), **options),
        sa.ForeignKeyConstraint([column], [f"{table}.id"], name=name, ondelete="CASCADE"),
    )


def upgrade() -> None:
    _configuration()
    _directory()
    _sign_in()


def _configuration() -> None:
    op.create_table(
        "integration",
        _id(),
        _text("uuid", 36),
        _text("name", 250),
        _text("room_mailbox_email_address", 100, nullable=True),
        _text("fqdn", 192),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("icon", sa.LargeBinary(), nullable=True),
        _text("icon_hash", 64),
        _instant("created_at"),
        _instant("updated_at"),
        sa.UniqueConstraint("uuid", name="uq_integration_uuid"),
        sa.UniqueConstraint("name", name="uq_integration_name"),
        sa.UniqueConstraint("room_mailbox_email_address", name="uq_integration_room_mailbox_email_address"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_integration_fqdn", "integration", ["fqdn"])
    op.create_table(
        "integration_secret",
        *_belongs_to("integration", "integration_id", "fk_integration_secret_integration_id", primary_key=True),
        _text("field", 64, primary_key=True),
        _text("sealed"),
    )
    op.create_table("platform_setting", _text("name", 64, primary_key=True), _text("value"))


def _directory() -> None:
    op.create_table(
        "end_user",
        _id(),
        _text("uuid", 36),
        _text("primary_email_address", 100),
        _text("first_name", 250),
        _text("last_name", 250),
        _text("display_name", 250),
        _instant("created_at"),
        sa.UniqueConstraint("uuid", name="uq_end_user_uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_end_user_address", "end_user", [sa.text("lower(primary_email_address)")], unique=True)
    op.create_table(
        "user_subject",
        _id(),
        *_belongs_to("end_user", "user_id", "fk_user_subject_user_id"),
        _text("path", 32),
        _text("issuer", 255),
        _text("subject", 255),
        _instant("first_seen_at"),
        sa.UniqueConstraint("user_id", "path", name="uq_user_subject_user_id_path"),
        sa.UniqueConstraint("path", "issuer", "subject", name="uq_user_subject_path_issuer_subject"),
    )
    op.create_table(
        "conference",
        _id(),
        _text("uuid", 36),
        _text("name", 250),
        _text("description", 250),
        _text("service_type", 32),
        _text("sealed_pin", nullable=True),
        _text("sealed_guest_pin", nullable=True),
        sa.Column("allow_guests", sa.Boolean(), nullable=False),
        _text("primary_owner_email_address", 100),
        sa.Column("version", sa.Integer(), nullable=False),
        _instant("created_at"),
        sa.UniqueConstraint("uuid", name="uq_conference_uuid"),
        sa.UniqueConstraint("name", name="uq_conference_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_conference_owner", "conference", [sa.text("lower(primary_owner_email_address)")])
    op.create_table(
        "conference_alias",
        _id(),
        *_belongs_to("conference", "conference_id", "fk_conference_alias_conference_id"),
        _text("alias", 250),
        sa.Column("view_order", sa.Integer(), nullable=False),
    )
    op.create_index("ix_conference_alias_conference_id", "conference_alias", ["conference_id"])
    op.create_index("uq_conference_alias_alias", "conference_alias", [sa.text("lower(alias)")], unique=True)


def _sign_in() -> None:
    op.create_table(
        "pending_signin",
        _text("state_hash", 64, primary_key=True),
        *_belongs_to("integration", "integration_id", "fk_pending_signin_integration_id"),
        _text("browser_hash", 64),
        _text("nonce", 64),
        _text("sealed_verifier"),
        _text("pane_hash", 64),
        _text("pane_nonce", 128),
        _instant("expires_at"),
    )
    op.create_index("ix_pending_signin_expires_at", "pending_signin", ["expires_at"])
    op.create_table(
        "dialog_session",
        _id(),
        _text("cookie_hash", 64),
        *_belongs_to("integration", "integration_id", "fk_dialog_session_integration_id"),
        *_belongs_to("end_user", "user_id", "fk_dialog_session_user_id"),
        _instant("created_at"),
        _instant("expires_at"),
        sa.UniqueConstraint("cookie_hash", name="uq_dialog_session_cookie_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dialog_session_user_id", "dialog_session", ["user_id"])
    op.create_index("ix_dialog_session_expires_at", "dialog_session", ["expires_at"])
    op.create_table(
        "signin_result",
        _text("pane_hash", 64, primary_key=True),
        *_belongs_to("integration", "integration_id", "fk_signin_result_integration_id"),
        _text("code_hash", 64),
        *_belongs_to("dialog_session", "session_id", "fk_signin_result_session_id", nullable=True),
        _text("refusal", 1000),
        _instant("expires_at"),
    )
    op.create_index("ix_signin_result_expires_at", "signin_result", ["expires_at"])


def downgrade() -> None:
    for table in (
        "signin_result",
        "dialog_session",
        "pending_signin",
        "conference_alias",
        "conference",
        "user_subject",
        "end_user",
        "platform_setting",
        "integration_secret",
        "integration",
    ):
        op.drop_table(table)
