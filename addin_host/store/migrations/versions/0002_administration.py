"""Administration: accounts, audit, alarms, checks, usage, previews, imports, and more of the directory."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _accounts()
    _operations()
    _integrations()
    _directory()


def _accounts() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=150), nullable=False),
        sa.Column("display_name", sa.String(length=250), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("integrations", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.String(length=250), nullable=True),
        sa.Column("sealed_totp", sa.String(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("recovery_hashes", sa.JSON(), nullable=False),
        sa.Column("oidc_issuer", sa.String(length=255), nullable=True),
        sa.Column("oidc_subject", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("oidc_issuer", "oidc_subject", name="uq_account_oidc_issuer_oidc_subject"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "admin_signin",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("sealed_verifier", sa.String(), nullable=False),
        sa.Column("next_path", sa.String(length=1000), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name="pk_admin_signin"),
    )
    op.create_index("ix_admin_signin_expires_at", "admin_signin", ["expires_at"])
    op.create_table(
        "api_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=150), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("integrations", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=250), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_user"),
        sa.UniqueConstraint("token_hash", name="uq_api_user_token_hash"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "failure",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_failure"),
    )
    op.create_index("ix_failure_last_at", "failure", ["last_at"])
    op.create_table(
        "request_count",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "window", name="pk_request_count"),
    )
    op.create_table(
        "admin_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cookie_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=250), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_admin_session_account_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_admin_session"),
        sa.UniqueConstraint("cookie_hash", name="uq_admin_session_cookie_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_admin_session_account_id", "admin_session", ["account_id"])
    op.create_index("ix_admin_session_expires_at", "admin_session", ["expires_at"])
    op.create_table(
        "idempotency",
        sa.Column("api_user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("location", sa.String(length=250), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["api_user_id"], ["api_user.id"], name="fk_idempotency_api_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("api_user_id", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_expires_at", "idempotency", ["expires_at"])
    op.create_table(
        "setup_link",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_setup_link_account_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_setup_link"),
    )
    op.create_index("ix_setup_link_expires_at", "setup_link", ["expires_at"])
    op.create_index("uq_account_name", "account", [sa.text("lower(name)")], unique=True)
    op.create_index("uq_api_user_name", "api_user", [sa.text("lower(name)")], unique=True)


def _operations() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=250), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("object_kind", sa.String(length=32), nullable=False),
        sa.Column("object_id", sa.String(length=64), nullable=False),
        sa.Column("object_name", sa.String(length=250), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sa.UniqueConstraint("hash", name="uq_audit_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_actor", "audit", ["actor"])
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_integration_id", "audit", ["integration_id"])
    op.create_table(
        "mark",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_mark"),
    )
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.String(length=64), nullable=False),
        sa.Column("open_key", sa.String(length=250), nullable=True),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=True),
        sa.Column("instance", sa.String(length=250), nullable=False),
        sa.Column("details", sa.String(length=8096), nullable=False),
        sa.Column("next_step", sa.String(length=1000), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=250), nullable=False),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integration.id"], name="fk_alarm_integration_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_alarm"),
        sa.UniqueConstraint("open_key", name="uq_alarm_open_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alarm_integration_id", "alarm", ["integration_id"])
    op.create_index("ix_alarm_raised_at", "alarm", ["raised_at"])
    op.create_table(
        "check_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(length=250), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integration.id"], name="fk_check_run_integration_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_check_run"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_check_run_integration_id", "check_run", ["integration_id"])
    op.create_table(
        "usage",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integration.id"], name="fk_usage_integration_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("day", "integration_id", "kind", name="pk_usage"),
    )


def _integrations() -> None:
    op.create_table(
        "exchange_domain",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=True),
        sa.Column("domain", sa.String(length=192), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integration.id"], name="fk_exchange_domain_integration_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_exchange_domain"),
        sa.UniqueConstraint("integration_id", "domain", name="uq_exchange_domain_integration_id_domain"),
        sqlite_autoincrement=True,
    )
    _fill_exchange_domains()
    op.create_table(
        "manifest_download",
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("downloaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("downloaded_by", sa.String(length=250), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("manifest", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integration.id"], name="fk_manifest_download_integration_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("integration_id", name="pk_manifest_download"),
    )
    op.create_table(
        "preview_draft",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_preview_draft_account_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integration.id"], name="fk_preview_draft_integration_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_preview_draft"),
    )
    op.create_index("ix_preview_draft_expires_at", "preview_draft", ["expires_at"])


def _fill_exchange_domains() -> None:
    """Give each entry of the records' `domains` its row."""
    integrations = sa.table(
        "integration", sa.column("id"), sa.column("record", sa.JSON()), sa.column("created_at", sa.DateTime(True))
    )
    domains = sa.table(
        "exchange_domain",
        sa.column("integration_id"),
        sa.column("domain"),
        sa.column("created_at", sa.DateTime(True)),
    )
    for row in op.get_bind().execute(sa.select(integrations)).all():
        for domain in dict.fromkeys(row.record.get("domains") or ()):
            given = {"integration_id": row.id, "domain": domain, "created_at": row.created_at}
            op.get_bind().execute(domains.insert().values(given))


def _directory() -> None:
    op.create_table(
        "identity_provider_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity_provider_group"),
        sa.UniqueConstraint("name", name="uq_identity_provider_group_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "ivr_theme",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ivr_theme"),
        sa.UniqueConstraint("name", name="uq_ivr_theme_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "import_job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("filename", sa.String(length=250), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sealed_content", sa.String(), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("preview", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("message", sa.String(length=1000), nullable=False),
        sa.Column("done_records", sa.Integer(), nullable=False),
        sa.Column("all_records", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_import_job_account_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_import_job"),
        sqlite_autoincrement=True,
    )
    op.add_column("conference", sa.Column("tag", sa.String(length=250), nullable=False, server_default=""))
    op.add_column("conference", sa.Column("participant_limit", sa.Integer(), nullable=True))
    op.add_column(
        "conference",
        sa.Column("non_idp_participants", sa.String(length=32), nullable=False, server_default="disallow_all"),
    )
    op.add_column("conference", sa.Column("host_identity_provider_group_id", sa.Integer(), nullable=True))
    op.add_column("conference", sa.Column("guest_identity_provider_group_id", sa.Integer(), nullable=True))
    op.add_column("conference", sa.Column("ivr_theme_id", sa.Integer(), nullable=True))
    op.add_column("conference", sa.Column("extra", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column(
        "conference_alias", sa.Column("description", sa.String(length=250), nullable=False, server_default="")
    )
    op.add_column("conference_alias", sa.Column("created_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("end_user", sa.Column("telephone_number", sa.String(length=100), nullable=False, server_default=""))
    op.add_column("end_user", sa.Column("mobile_number", sa.String(length=100), nullable=False, server_default=""))
    op.add_column("end_user", sa.Column("title", sa.String(length=128), nullable=False, server_default=""))
    op.add_column("end_user", sa.Column("department", sa.String(length=100), nullable=False, server_default=""))
    op.add_column("end_user", sa.Column("avatar_url", sa.String(length=255), nullable=False, server_default=""))
    op.add_column("end_user", sa.Column("description", sa.String(length=250), nullable=False, server_default=""))
    op.add_column("end_user", sa.Column("user_groups", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("end_user", sa.Column("user_oid", sa.String(length=255), nullable=True))
    op.add_column("end_user", sa.Column("exchange_user_id", sa.String(length=255), nullable=True))
    op.add_column("end_user", sa.Column("ms_exchange_guid", sa.String(length=255), nullable=True))
    op.add_column("end_user", sa.Column("sync_tag", sa.String(length=250), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("end_user", "sync_tag")
    op.drop_column("end_user", "ms_exchange_guid")
    op.drop_column("end_user", "exchange_user_id")
    op.drop_column("end_user", "user_oid")
    op.drop_column("end_user", "user_groups")
    op.drop_column("end_user", "description")
    op.drop_column("end_user", "avatar_url")
    op.drop_column("end_user", "department")
    op.drop_column("end_user", "title")
    op.drop_column("end_user", "mobile_number")
    op.drop_column("end_user", "telephone_number")
    op.drop_column("conference_alias", "created_at")
    op.drop_column("conference_alias", "description")
    op.drop_column("conference", "extra")
    op.drop_column("conference", "ivr_theme_id")
    op.drop_column("conference", "guest_identity_provider_group_id")
    op.drop_column("conference", "host_identity_provider_group_id")
    op.drop_column("conference", "non_idp_participants")
    op.drop_column("conference", "participant_limit")
    op.drop_column("conference", "tag")
    for table in (
        "usage",
        "setup_link",
        "preview_draft",
        "manifest_download",
        "import_job",
        "idempotency",
        "exchange_domain",
        "check_run",
        "alarm",
        "admin_session",
        "request_count",
        "mark",
        "ivr_theme",
        "identity_provider_group",
        "failure",
        "audit",
        "admin_signin",
        "api_user",
        "account",
    ):
        op.drop_table(table)
