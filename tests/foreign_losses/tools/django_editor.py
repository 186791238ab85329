"""Django's schema editor adds a field with a default to every table, whose models are made by its introspection."""
import os

import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["PHASESHIFT_DATABASE"]}},
                   INSTALLED_APPS=[], DEFAULT_AUTO_FIELD="django.db.models.AutoField")
django.setup()
from django.db import connection, models, transaction  # noqa: E402


def model_of(table):
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, table)
        key = connection.introspection.get_primary_key_columns(cursor, table) or []
    attributes = {"__module__": "tool", "Meta": type("Meta", (), {"app_label": "tool", "db_table": table})}
    for number, column in enumerate(columns):
        kind = connection.introspection.get_field_type(column.type_code, column)
        options = {"db_column": column.name, "null": column.null_ok, "primary_key": key == [column.name]}
        if isinstance(kind, tuple):
            kind, more = kind
            options.update(more)
        if kind in ("AutoField", "BigAutoField"):
            kind = "IntegerField"
        if kind == "CharField":
            options.setdefault("max_length", 100)
        if kind == "DecimalField":
            options.update(max_digits=10, decimal_places=2)
        if options["primary_key"]:
            options["null"] = False
        attributes[f"field_{number}"] = getattr(models, kind)(**options)
    return type("Model_" + "".join(c if c.isalnum() else "_" for c in table), (models.Model,), attributes)


with connection.cursor() as cursor:
    tables = sorted(t.name for t in connection.introspection.get_table_list(cursor) if t.type == "t" and t.name[0] == "f")
for table in ["parents", *tables]:
    try:
        model = model_of(table)
        field = models.CharField(max_length=10, default="x")
        field.set_attributes_from_name("note")
        with connection.schema_editor() as editor:
            editor.add_field(model, field)
    except Exception as error:
        print(table, "left as it was:", type(error).__name__, error)
