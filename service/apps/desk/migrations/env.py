"""Alembic's entry: runs the revisions in the transaction of the connection it is given."""

from alembic import context

from service.apps.desk.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()
