"""A new master key: every person's key is wrapped anew, nothing that is sealed changes."""

import psycopg

from streams.keyring import LOG, cipher_of, unwrap, wrap

_AT_ONCE = 10_000


def rotate(conninfo: str, old_key: bytes, new_key: bytes) -> int:
    """Wrap every key of the log under a new master key, in one transaction; return how many there were.

    `conninfo` is of the owner of the schema. A log that is open with the old key goes on reading and sealing with
    the keys it knows; where it needs another it raises WrongMasterKey, and must be opened with the new one.
    Raises WrongMasterKey, with nothing changed, when `old_key` is not the log's.
    """
    old, new = cipher_of(old_key), cipher_of(new_key)
    count = 0
    with psycopg.connect(conninfo) as connection, connection.cursor(name="keys") as rows:
        connection.execute("LOCK TABLE log.keys IN SHARE ROW EXCLUSIVE MODE")
        rows.execute("SELECT tenant, subject, wrapped FROM log.keys WHERE wrapped IS NOT NULL")
        while some := rows.fetchmany(_AT_ONCE):
            rewrapped = [
                (tenant, subject, wrap(new, tenant, subject, unwrap(old, tenant, subject, wrapped)))
                for tenant, subject, wrapped in some
            ]
            connection.execute(
                "UPDATE log.keys k SET wrapped = q.wrapped "
                "FROM unnest(%s::text[], %s::text[], %s::bytea[]) AS q (tenant, subject, wrapped) "
                "WHERE k.tenant = q.tenant AND k.subject = q.subject",
                [list(column) for column in zip(*rewrapped, strict=True)],
            )
            count += sum((tenant, subject) != LOG for tenant, subject, _ in rewrapped)
    return count
