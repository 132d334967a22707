"""The topics as one AsyncAPI 3.0 document: which there are, and what each record's key, headers and value say."""

from collections.abc import Mapping, Sequence

from streams.schemas.published import Schema

_BINDING = "0.5.0"
_ENVELOPE = {"$schema", "$id"}
_TEXT: Schema = {"type": "string", "minLength": 1}
_SHORT: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
_TIME: Schema = {"type": "string", "format": "date-time"}
_COUNT: Schema = {"type": "string", "pattern": "^[0-9]+$"}

EVENT_HEADERS: Mapping[str, tuple[Schema, str]] = {
    "content-type": ({"const": "application/json"}, "The value is JSON."),
    "ce_specversion": ({"const": "1.0"}, "CloudEvents, binary mode."),
    "ce_id": (_TEXT, "The event's own id, for ever."),
    "ce_source": ({"type": "string", "pattern": "^/[^/]+/[^/]+$"}, "/tenant/source, percent-encoded."),
    "ce_type": (_TEXT, "The event version: which schema the value follows."),
    "ce_time": (_TIME, "When it happened, by the clock of the system that reported it."),
    "ce_subject": (_TEXT, "The stream, kind-id."),
    "ce_tenant": (_TEXT, "Whose event it is."),
    "ce_position": (_COUNT, "Its place in the log: 1, 2, 3 ... over all partitions."),
    "ce_version": (_COUNT, "Its place in its stream: 1, 2, 3 ..."),
    "ce_sequence": (_COUNT, "Its place in its partition: 1, 2, 3 ...; who counts misses nothing."),
    "ce_recordedat": (_TIME, "When the log recorded it."),
    "ce_actor": (_TEXT, "Who asked."),
}
"""The headers that every record of the events' topic has."""

OPTIONAL_HEADERS: Mapping[str, tuple[Schema, str]] = {
    "ce_customerid": (_TEXT, "The customer whom the stream belonged to."),
    "ce_commandid": (_TEXT, "The command that it came from."),
    "ce_correlationid": (_TEXT, "What it belongs to, such as an import."),
    "ce_causationid": (_TEXT, "The event that it came from."),
    "ce_answered": ({"type": "string"}, "JSON that a restored log needs; of no meaning to others."),
    "ce_effects": ({"type": "string"}, "JSON that a restored log needs; of no meaning to others."),
}
"""The headers that a record of the events' topic may have."""

_REPORT_HEADERS: Mapping[str, tuple[Schema, str]] = {
    "ce_specversion": ({"const": "1.0"}, "CloudEvents, binary mode."),
    "ce_id": (_SHORT, "With the source: counts once."),
    "ce_source": ({**_SHORT, "pattern": "^[!-~]+$"}, "The system that speaks."),
    "ce_type": (_SHORT, "What is reported: which schema the value follows."),
}
_REPORT_OPTIONS: Mapping[str, tuple[Schema, str]] = {
    "content-type": ({"type": "string", "pattern": "^application/json"}, "The value is JSON."),
    "ce_time": (_TIME, "When it happened, unless the data says it."),
    "ce_subject": (
        _SHORT,
        "What it is about; use it as the record's key, so that its reports stay in order.",
    ),
    "ce_tenant": (_SHORT, "Whose record it is; the intake's own tenant by default."),
}
_REJECTION: Mapping[str, tuple[Schema, str]] = {
    "backstory_reason": (_TEXT, "A stable code, as in the answers of the HTTP API."),
    "backstory_problem": (_TEXT, "A JSON object: code, title, and errors with field and rule; no values."),
    "backstory_topic": (_TEXT, "Where the record was published: the topic,"),
    "backstory_partition": (_COUNT, "the partition,"),
    "backstory_offset": (_COUNT, "and the offset."),
    "backstory_rejected_at": (_TIME, "When it was rejected."),
}
_REJECTION_OPTIONS: Mapping[str, tuple[Schema, str]] = {
    "backstory_omitted": (_COUNT, "The bytes of a value that is too large to be kept here."),
}
_KEY: Mapping[str, tuple[Schema, str]] = {
    "ce_sequence": (_COUNT, "Its place among the changes of keys: 1, 2, 3 ..."),
    "tenant": ({"type": "string"}, "Whose it is; empty: the log's own."),
    "subject": ({"type": "string"}, "The stream of the person."),
}


def document(events: Mapping[str, Schema], intake: Mapping[str, Schema]) -> Schema:
    """Return the document of these event versions and of these types that services may report."""
    messages = {
        **{f"event.{name}": _event(name, schema) for name, schema in events.items()},
        **{f"report.{name}": _report(name, schema) for name, schema in intake.items()},
        "report": _structured(list(intake)),
        "rejection": _rejection(),
        "key": _key(),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Backstory",
            "version": "1",
            "description": "Every event of the log, in order and complete; and the way in for services that publish.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": _channel("events", [name for name in messages if name.startswith("event.")]),
            "intake": _channel("intake", [name for name in messages if name.startswith("report")]),
            "rejected": _channel("intake.rejected", ["rejection"]),
            "keys": _channel("keys", ["key"]),
        },
        "operations": {
            "publishEvents": _operation("send", "events", "The relay publishes what the log recorded."),
            "takeReports": _operation("receive", "intake", "The intake records what services publish."),
            "reject": _operation("send", "rejected", "The intake keeps what cannot be recorded."),
            "publishKeys": _operation("send", "keys", "The relay publishes what a restored log needs."),
        },
        "components": {
            "messages": messages,
            "schemas": {
                **{f"event.{name}": _embedded(schema) for name, schema in events.items()},
                **{f"report.{name}": _embedded(schema) for name, schema in intake.items()},
                "event-headers": _headers(EVENT_HEADERS, OPTIONAL_HEADERS),
                "report-headers": _headers(_REPORT_HEADERS, _REPORT_OPTIONS),
                "rejection-headers": _headers(_REJECTION, _REJECTION_OPTIONS),
            },
        },
    }


_ABOUT = {
    "events": "Every event, keyed by tenant and routing key, so that a stream never leaves its partition.",
    "intake": "What services report, as CloudEvents in binary or structured mode; the key keeps a subject in order.",
    "intake.rejected": "What could not be recorded: the reason, the original key, bytes and headers.",
    "keys": "Every person's key, wrapped by the master key; compacted, a tombstone where the person is forgotten.",
}


def _channel(name: str, messages: Sequence[str]) -> Schema:
    return {
        "address": f"backstory.{name}",
        "description": _ABOUT[name],
        "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
    }


def _operation(action: str, channel: str, summary: str) -> Schema:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}


def _message(name: str, summary: str, headers: Schema, payload: Schema, key: str) -> Schema:
    return {
        "name": name,
        "summary": summary,
        "headers": headers,
        "payload": payload,
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": _BINDING}},
    }


def _event(name: str, schema: Schema) -> Schema:
    headers = _typed("event-headers", name)
    payload = {"$ref": f"#/components/schemas/event.{name}"}
    return _message(name, _first_line(schema), headers, payload, "tenant/routing key")


def _report(name: str, schema: Schema) -> Schema:
    headers = _typed("report-headers", name)
    payload = {"$ref": f"#/components/schemas/report.{name}"}
    return _message(name, _first_line(schema), headers, payload, "What it is about.")


def _structured(names: Sequence[str]) -> Schema:
    attributes = {name.removeprefix("ce_"): schema for name, (schema, _) in _REPORT_HEADERS.items()}
    options = {
        name.removeprefix("ce_"): schema for name, (schema, _) in _REPORT_OPTIONS.items() if name[:3] == "ce_"
    }
    payload = {
        "type": "object",
        "properties": {**attributes, **options, "datacontenttype": {"const": "application/json"}},
        "required": [*attributes, "data"],
        "oneOf": [
            {"properties": {"type": {"const": name}, "data": {"$ref": f"#/components/schemas/report.{name}"}}}
            for name in names
        ],
    }
    kind = {
        "content-type": ({"type": "string", "pattern": "^application/cloudevents\\+json"}, "Structured mode.")
    }
    told = _message(
        "report", "Any report, in structured mode.", _headers(kind, {}), payload, "What it is about."
    )
    return told | {"contentType": "application/cloudevents+json"}


def _rejection() -> Schema:
    headers = {"$ref": "#/components/schemas/rejection-headers"}
    summary = "A report that could not be recorded; its own headers come before ours."
    told = _message(
        "rejection", summary, headers, {"description": "The original bytes."}, "The original key."
    )
    return told | {"contentType": "application/octet-stream"}


def _typed(headers: str, name: str) -> Schema:
    fixed = {"type": "object", "properties": {"ce_type": {"const": name}}}
    return {"allOf": [{"$ref": f"#/components/schemas/{headers}"}, fixed]}


def _headers(always: Mapping[str, tuple[Schema, str]], perhaps: Mapping[str, tuple[Schema, str]]) -> Schema:
    """Return the schema of headers, each the UTF-8 text of its bytes."""
    told = {name: {**schema, "description": about} for name, (schema, about) in {**always, **perhaps}.items()}
    return {"type": "object", "properties": told, "required": list(always)}


def _embedded(schema: Schema) -> Schema:
    return {name: one for name, one in schema.items() if name not in _ENVELOPE}


def _first_line(schema: Schema) -> str:
    return str(schema.get("description", "")).partition("\n")[0]


def _key() -> Schema:
    return _message(
        "key",
        "A person's key.",
        _headers(_KEY, {}),
        {"description": "The wrapped key; none: destroyed, for good."},
        "tenant/subject",
    )
