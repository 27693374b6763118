"""What all tables share: the collection they are in, names of constraints, the column for text."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, MetaData

from data.store.columns import CleanText

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def text_column(name: str, *, null: bool = False) -> Column[str]:
    """Return a column for text that both databases take."""
    return Column(name, CleanText, nullable=null)


def of_ticket() -> ForeignKeyConstraint:
    """Return the tie of a row to its ticket: one whose client is corrected takes everything along."""
    return ForeignKeyConstraint(
        ["tenant", "ticket_id"],
        ["tickets.tenant", "tickets.ticket_id"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    )
