"""Alembic's batch mode adds a column to every table."""
import os

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

engine = sa.create_engine(os.environ["DATABASE_URL"])
tables = sorted(t for t in sa.inspect(engine).get_table_names() if t[0] == "f")
for table in ["parents", *tables]:
    with engine.connect() as connection:
        operations = Operations(MigrationContext.configure(connection))
        try:
            with operations.batch_alter_table(table, recreate="always") as batch:
                batch.add_column(sa.Column("note", sa.Text()))
            connection.commit()
        except Exception as error:
            connection.rollback()
            connection.execute(sa.text('DROP TABLE IF EXISTS "_alembic_tmp_%s"' % table.replace('"', '""')))
            connection.commit()
            print(table, "left as it was:", type(error).__name__, str(error).splitlines()[0])
