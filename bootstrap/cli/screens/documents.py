"""Documents as the result of a command."""

from __future__ import annotations

import json
import sys


def show_yaml(text: str, output: str) -> None:
    """As it is or as JSON: one document, or a list of several."""
    from bootstrap.formats import yaml_reader

    if output == "text":
        sys.stdout.write(text)
        return
    documents = yaml_reader.parse(text.encode())
    print(json.dumps(documents[0] if len(documents) == 1 else documents, indent=2))
