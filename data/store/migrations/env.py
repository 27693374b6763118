"""Alembic's entry: runs on the connection that `open_store` passes in, inside its transaction."""

from alembic import context

from data.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables only by copying them
)
context.run_migrations()
