"""The audit sample, and the groups that lost their autonomy to it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "reviews",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.Column("group_client", sa.Text(), nullable=False),
        sa.Column("group_category", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=True),
        sa.Column("reviewer", sa.Text(), nullable=True),
        sa.Column("issue_type", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "ticket_id"],
            ["tickets.tenant", "tickets.ticket_id"],
            name=op.f("fk_reviews_tickets"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "ticket_id", name=op.f("pk_reviews")),
    )
    op.create_index(op.f("ix_reviews_reviewed_at_drawn_at"), "reviews", ["reviewed_at", "drawn_at"])
    op.create_index(
        op.f("ix_reviews_bundle_group_client_group_category"),
        "reviews",
        ["bundle", "group_client", "group_category"],
    )
    op.create_table(
        "suspensions",
        sa.Column("group_client", sa.Text(), nullable=False),
        sa.Column("group_category", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("reviewed", sa.Integer(), nullable=False),
        sa.Column("budget", sa.Float(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "group_client", "group_category", "bundle", "since", name=op.f("pk_suspensions")
        ),
    )


def downgrade() -> None:
    """Take both out again."""
    op.drop_table("suspensions")
    op.drop_table("reviews")
