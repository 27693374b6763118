"""The history holds every kind of change, not only those of fields."""

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
    op.execute("DELETE FROM sync_state WHERE key = 'sync'")


def downgrade() -> None:
    """Forget it again; texts of summaries and comments must not pass for field changes."""
    for table in ("changes", "staged_changes"):
        op.execute(f"DELETE FROM {table} WHERE kind NOT IN ('field', 'resolved', 'tags')")
        op.drop_column(table, "subject")
        op.drop_column(table, "kind")
