"""xmlschema's judgement of XML: {"schema": [files], "documents": [texts]} in, the first faults of each out.

The first schema is the root's; the others are the namespaces it imports, without their places.
"""

import json
import re
import sys
from itertools import islice
from pathlib import Path

import xmlschema

plan = json.load(sys.stdin)
texts = [Path(path).read_text(encoding="utf-8") for path in plan["schema"]]
texts = [re.sub(r'(<xs:import [^>]*)schemaLocation="[^"]*"', r"\1", text) for text in texts]
schema = xmlschema.XMLSchema(texts[0], build=False)
for text in texts[1:]:
    schema.add_schema(text)
schema.build()


def faults(text):
    return [f"{error.path}: {error.reason}" for error in islice(schema.iter_errors(text), 3)]


print(json.dumps([faults(text) for text in plan["documents"]]))
