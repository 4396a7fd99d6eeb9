"""Run by Alembic: migrates over the connection, and within the transaction, that `migrate` gives."""

from alembic import context

from monolith_core.storage.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
