"""What patterns asked and did on tickets, so that nothing is done twice and an answer goes on."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "pattern_steps",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "ticket_id"],
            ["tickets.tenant", "tickets.ticket_id"],
            name=op.f("fk_pattern_steps_tickets"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "ticket_id", "pattern", "step", name=op.f("pk_pattern_steps")),
    )
    op.create_index(op.f("ix_pattern_steps_state_at"), "pattern_steps", ["state", "at"])


def downgrade() -> None:
    """Take it out again."""
    op.drop_table("pattern_steps")
