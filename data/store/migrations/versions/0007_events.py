"""What proves an event fresh; what people did with suggestions."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the sender's id and the signed moment with an event; add the feedback of people."""
    op.add_column("inbox", sa.Column("webhook_id", sa.Text(), nullable=True))
    op.add_column("inbox", sa.Column("signed_at", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_inbox_webhook_id"), "inbox", ["webhook_id"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "ticket_id"],
            ["tickets.tenant", "tickets.ticket_id"],
            name=op.f("fk_feedback_tickets"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "operation", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_tenant_ticket_id"), "feedback", ["tenant", "ticket_id"], unique=False)


def downgrade() -> None:
    """Take all of it out again."""
    op.drop_table("feedback")
    op.drop_index(op.f("ix_inbox_webhook_id"), table_name="inbox")
    with op.batch_alter_table("inbox") as inbox:
        inbox.drop_column("signed_at")
        inbox.drop_column("webhook_id")
