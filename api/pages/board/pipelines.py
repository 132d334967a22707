"""The pipelines of a tenant: their rules in force, those that deals are in without rules, and who owns deals."""

from dataclasses import replace

import msgspec
import psycopg

from domain.pipeline import DEFAULT, Pipeline, Stage

_DEFINED = "SELECT pipeline, version, stages, renamed FROM model.pipelines ORDER BY pipeline"
_USED = "SELECT DISTINCT pipeline FROM model.stage_totals WHERE pipeline <> '' ORDER BY pipeline"
_OWNERS = "SELECT DISTINCT owner FROM model.stage_totals WHERE owner <> '' ORDER BY owner LIMIT 500"
_stages = msgspec.json.Decoder(tuple[Stage, ...])
_renamed = msgspec.json.Decoder(dict[str, str])


def pipelines(connection: psycopg.Connection) -> dict[str, Pipeline]:
    """Return every pipeline by its name; one that was never defined has no stages, save the one to begin with."""
    found = {
        name: Pipeline(
            name=name, version=version, stages=_stages.decode(stages), renamed=_renamed.decode(renamed)
        )
        for name, version, stages, renamed in connection.execute(_DEFINED)
    }
    for (name,) in connection.execute(_USED):
        found.setdefault(name, replace(DEFAULT if name == DEFAULT.name else Pipeline(), name=name))
    return found or {DEFAULT.name: DEFAULT}


def chosen(known: dict[str, Pipeline], name: str | None) -> Pipeline:
    """Return the pipeline that is asked for, or the one to begin with; an unknown one is empty."""
    if name is not None:
        return known.get(name, Pipeline(name=name))
    return known.get(DEFAULT.name) or next(iter(known.values()))


def owners_of_deals(connection: psycopg.Connection) -> list[str]:
    """Return those who own a deal, to be offered where somebody is given one."""
    return [owner for (owner,) in connection.execute(_OWNERS)]
