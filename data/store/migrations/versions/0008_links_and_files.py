"""Links and the metadata of attachments with every ticket; which ticket a merged one went into."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the next synchronisation reads every ticket again."""
    op.add_column("tickets", sa.Column("links", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("tickets", sa.Column("attachments", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("outcomes", sa.Column("merged_into", sa.Text(), nullable=True))
    op.execute("DELETE FROM sync_state WHERE key = 'sync'")


def downgrade() -> None:
    """Forget them again."""
    op.drop_column("outcomes", "merged_into")
    op.drop_column("tickets", "attachments")
    op.drop_column("tickets", "links")
