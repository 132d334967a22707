"""The API's documentation as one page that needs nothing else: no script, no font, no other host."""

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: .9rem/1.4 ui-monospace, monospace; background: #8882; border-radius: .2em; }
code { padding: .1em .3em; } pre { padding: .6rem; overflow-x: auto; }
summary { cursor: pointer; padding: .3rem 0; } summary code { font-weight: bold; }
details { border-bottom: 1px solid #8884; } details > div { padding: 0 0 1rem 1rem; }
table { border-collapse: collapse; } td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
"""
_HEAD = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Backstory HTTP API</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>Backstory HTTP API</h1>
<p>For programs: <a href="/openapi.json">/openapi.json</a>, OpenAPI 3.1. Every request under <code>/v1</code> carries
<code>Authorization: Bearer KEY</code>; keys are made by <code>backstory keys create NAME</code>.</p>
"""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
    "X-Content-Type-Options": "nosniff",
}
"""Nothing but its own style: the page needs nothing else."""


def page(document: dict[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    return "\n".join([_HEAD, *_groups(document), "</main>", "</body>", "</html>", ""])


def _groups(document: dict[str, Any]) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            group = operation.get("tags", ["service"])[0]
            found.setdefault(group, []).extend(_operation(document, method, path, operation))
    for group, lines in found.items():
        yield f"<h2>{escape(group.capitalize())}</h2>"
        yield from lines


def _operation(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    asked = f"{method.upper()} {escape(path)}"
    yield f"<details><summary><code>{asked}</code> {escape(operation['summary'])}</summary><div>"
    yield f"<p>{escape(operation.get('description', ''))}</p>"
    yield from _table(
        (f"{parameter['name']} ({parameter['in']})", parameter.get("description", ""))
        for parameter in operation.get("parameters", ())
    )
    for kind, told in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body, <code>{escape(kind)}</code>:</p>"
        for example in _examples(document, told):
            yield f"<pre>{escape(json.dumps(example, indent=2, ensure_ascii=False))}</pre>"
    yield from _table((status, told["description"]) for status, told in operation["responses"].items())
    yield "</div></details>"


def _examples(document: dict[str, Any], told: dict[str, Any]) -> list[Any]:
    if "examples" in told:
        return [example["value"] for example in told["examples"].values()]
    schema = told["schema"]
    for option in (schema, *schema.get("anyOf", ())):
        if "$ref" in option:
            name = option["$ref"].rpartition("/")[2]
            return list(document["components"]["schemas"][name].get("examples", ()))
    return []


def _table(rows: Iterator[tuple[str, str]]) -> Iterator[str]:
    lines = [f"<tr><td><code>{escape(name)}</code></td><td>{escape(told)}</td></tr>" for name, told in rows]
    if lines:
        yield f"<table>{''.join(lines)}</table>"
