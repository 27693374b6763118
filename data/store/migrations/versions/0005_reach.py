"""Rate limiter and circuit breaker of the tracker."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row per tracker host. Moments are epoch microseconds."""
    op.create_table(
        "tracker_reach",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("spent_until", sa.BigInteger(), nullable=False),
        sa.Column("retry_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_tracker_reach")),
    )


def downgrade() -> None:
    """Forget the state; it builds itself up again."""
    op.drop_table("tracker_reach")
