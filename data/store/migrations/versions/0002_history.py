"""Every kind of change in the history, all custom fields, tickets that went away, alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what a change is about; the next synchronisation reads the whole history again.

    Plain ALTERs: rebuilding a table would, on SQLite, delete what refers to it.
    """
    for table in ("changes", "staged_changes"):
        op.add_column(table, sa.Column("kind", sa.Text(), nullable=False, server_default="field"))
        op.add_column(table, sa.Column("subject", sa.Text(), nullable=True))
        op.execute(f"UPDATE {table} SET kind = field WHERE field IN ('resolved', 'tags')")
    op.add_column("tickets", sa.Column("fields", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("tickets", sa.Column("missing_since", sa.BigInteger(), nullable=True))
    op.add_column("tickets", sa.Column("gone_at", sa.BigInteger(), nullable=True))
    op.add_column("tickets", sa.Column("gone_reason", sa.Text(), nullable=True))
    op.create_table(
        "alerts",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.BigInteger(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", "opened", name=op.f("pk_alerts")),
    )
    op.create_table(
        "reconciliations",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "project", "at", name=op.f("pk_reconciliations")),
    )
    op.execute("DELETE FROM sync_state WHERE key = 'sync'")


def downgrade() -> None:
    """Forget it again; texts of summaries and comments must not pass for field changes."""
    op.drop_table("reconciliations")
    op.drop_table("alerts")
    for column in ("gone_reason", "gone_at", "missing_since", "fields"):
        op.drop_column("tickets", column)
    for table in ("changes", "staged_changes"):
        op.execute(f"DELETE FROM {table} WHERE kind NOT IN ('field', 'resolved', 'tags')")
        op.drop_column(table, "subject")
        op.drop_column(table, "kind")
