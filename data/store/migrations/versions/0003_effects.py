"""What deliveries found and left, switches, live workers."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the evidence of effects to the outbox, undone decisions, the kill switch and the workers."""
    op.add_column("decisions", sa.Column("undone_at", sa.BigInteger(), nullable=True))
    op.add_column("decisions", sa.Column("undone_by", sa.Text(), nullable=True))
    for column in (
        sa.Column("project", sa.Text(), server_default="", nullable=False),
        sa.Column("automatic", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("fields_found", sa.JSON(), nullable=True),
        sa.Column("fields_left", sa.JSON(), nullable=True),
        sa.Column("acted_at", sa.BigInteger(), nullable=True),
        sa.Column("said_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
    ):
        op.add_column("outbox", column)
    op.create_index(op.f("ix_outbox_project_acted_at"), "outbox", ["project", "acted_at"], unique=False)
    op.create_table(
        "switches",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project", name=op.f("pk_switches")),
    )
    op.create_table(
        "workers",
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_workers")),
    )
    _describe_waiting(op.get_bind())


def downgrade() -> None:
    """Take all of it out again."""
    op.drop_table("workers")
    op.drop_table("switches")
    op.drop_index(op.f("ix_outbox_project_acted_at"), table_name="outbox")
    with op.batch_alter_table("outbox") as outbox:
        names = ("outcome", "said_at", "acted_at", "fields_left", "fields_found", "automatic", "project")
        for name in names:
            outbox.drop_column(name)
    with op.batch_alter_table("decisions") as decisions:
        decisions.drop_column("undone_by")
        decisions.drop_column("undone_at")


def _describe_waiting(conn: sa.Connection) -> None:
    """Give operations from before their project: the switch and the caps go by it."""
    # What may have been said once without our knowing is looked for before it is said again.
    conn.execute(
        sa.text("UPDATE outbox SET said_at = created_at WHERE state IN ('new', 'sending') AND attempts > 0")
    )
    conn.execute(sa.text("UPDATE outbox SET automatic = :yes WHERE kind = 'triage'"), {"yes": True})
    for op_id, payload in conn.execute(sa.text("SELECT op_id, payload FROM outbox")).all():
        body = json.loads(payload) if isinstance(payload, str) else payload
        project = body.get("project", "") if isinstance(body, dict) else ""
        conn.execute(
            sa.text("UPDATE outbox SET project = :project WHERE op_id = :op_id"),
            {"project": project, "op_id": op_id},
        )
