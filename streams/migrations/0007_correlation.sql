-- What an import batch, or any other chain of requests, recorded: found without reading the whole log.
CREATE INDEX events_of_correlation ON log.events (tenant, correlation_id, stream, version)
    WHERE correlation_id IS NOT NULL;
