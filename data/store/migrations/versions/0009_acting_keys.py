"""Keys that may name the person they act for; a client's tickets can be paged."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the right to keys, held by none that exists, and the index of the pages."""
    op.add_column(
        "api_keys", sa.Column("acts_for_people", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_index(op.f("ix_tickets_created"), "tickets", ["created"])


def downgrade() -> None:
    """Take both out again."""
    op.drop_index(op.f("ix_tickets_created"), table_name="tickets")
    with op.batch_alter_table("api_keys") as keys:
        keys.drop_column("acts_for_people")
