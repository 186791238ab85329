"""Judges documents by a JSON Schema: json_schema.py SCHEMA FILE... (TOML or JSON; exit 1 naming what does not fit).

A small reading of https://json-schema.org/draft/2020-12 with the keywords that our schemas use; any other is an error,
so that none is passed over. `scripts/packages/schemas` asks the package `jsonschema` the same questions."""

import json
import re
import sys
import tomllib

TYPES = {
    "object": lambda it: isinstance(it, dict),
    "array": lambda it: isinstance(it, list),
    "string": lambda it: isinstance(it, str),
    "boolean": lambda it: isinstance(it, bool),
    "null": lambda it: it is None,
    "integer": lambda it: isinstance(it, int) and not isinstance(it, bool),
    "number": lambda it: isinstance(it, (int, float)) and not isinstance(it, bool),
}
SILENT = {"$schema", "title", "$defs", "then"}


def faults(schema, value, root, place=""):
    """Yields what does not fit, each with its place."""
    fits = lambda part: not any(True for _ in faults(part, value, root, place))
    for word, wanted in schema.items():
        bad = None
        if word == "$ref":
            part = root
            for name in wanted.removeprefix("#/").split("/"):
                part = part[name]
            yield from faults(part, value, root, place)
        elif word == "type":
            names = [wanted] if isinstance(wanted, str) else wanted
            bad = not any(TYPES[name](value) for name in names)
        elif word == "const":
            bad = value != wanted or type(value) is not type(wanted)
        elif word == "enum":
            bad = value not in wanted
        elif word == "required":
            bad = isinstance(value, dict) and any(name not in value for name in wanted)
        elif word == "properties":
            for name, part in wanted.items():
                if isinstance(value, dict) and name in value:
                    yield from faults(part, value[name], root, f"{place}/{name}")
        elif word == "additionalProperties":
            for name in value if isinstance(value, dict) else ():
                if name in schema.get("properties", {}):
                    continue
                if wanted is False:
                    yield f"{place}: unknown key {name}"
                else:
                    yield from faults(wanted, value[name], root, f"{place}/{name}")
        elif word == "items":
            for at, item in enumerate(value if isinstance(value, list) else ()):
                yield from faults(wanted, item, root, f"{place}/{at}")
        elif word == "allOf":
            for part in wanted:
                yield from faults(part, value, root, place)
        elif word == "anyOf":
            bad = not any(fits(part) for part in wanted)
        elif word == "oneOf":
            bad = sum(fits(part) for part in wanted) != 1
        elif word == "not":
            bad = fits(wanted)
        elif word == "if":
            if fits(wanted):
                yield from faults(schema["then"], value, root, place)
        elif word == "pattern":
            bad = isinstance(value, str) and not re.search(wanted, value)
        elif word == "minLength":
            bad = isinstance(value, str) and len(value) < wanted
        elif word == "minimum":
            bad = TYPES["number"](value) and value < wanted
        elif word == "maximum":
            bad = TYPES["number"](value) and value > wanted
        elif word not in SILENT:
            raise SystemExit(f"unknown keyword {word}")
        if bad:
            yield f"{place or '/'}: {word} {json.dumps(wanted)[:80]}: {json.dumps(value, default=str)[:80]}"


def read(path):
    with open(path, "rb") as file:
        return tomllib.load(file) if path.endswith(".toml") else json.load(file)


def main():
    schema, wrong = read(sys.argv[1]), 0
    for path in sys.argv[2:]:
        for fault in faults(schema, read(path), schema):
            print(f"{path}: {fault}")
            wrong = 1
    sys.exit(wrong)


if __name__ == "__main__":
    main()
