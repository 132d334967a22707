import base64
import stat
from pathlib import Path

import psycopg
import pytest

from api.cli import main
from api.failures import Failure, Misuse
from api.master_key import find_master_key, make_master_key
from api.settings import Settings, read_settings
from tests.api.conftest import Command


def test_a_flag_overrides_its_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKSTORY_TENANT", "from-environment")
    assert read_settings().tenant == "from-environment"
    assert read_settings(tenant="from-flag", data=None).tenant == "from-flag"


def test_an_empty_environment_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKSTORY_TENANT", "")
    assert read_settings().tenant == "main"


@pytest.mark.parametrize("tenant", ["", "Main", "a b", "-x", "x" * 64, "x'; DROP", "../x", "a\n"])
def test_a_tenant_that_is_no_name_is_refused_by_flag_and_rule(tenant: str) -> None:
    with pytest.raises(Misuse, match=r"^--tenant: lower-case letters"):
        read_settings(tenant=tenant)


@pytest.mark.parametrize(
    "key", ["secret", base64.b64encode(b"short").decode(), base64.b64encode(bytes(33)).decode()]
)
def test_a_master_key_that_is_none_is_refused_without_being_told(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("BACKSTORY_MASTER_KEY", key)
    with pytest.raises(Misuse, match=r"^BACKSTORY_MASTER_KEY: 32 bytes in base64") as refused:
        read_settings()
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"), [("port", "-1"), ("port", "65536"), ("port", "x"), ("sql_timeout", "-1")]
)
def test_a_number_outside_its_range_is_refused_by_flag(name: str, value: str) -> None:
    with pytest.raises(Misuse, match=f"^--{name.replace('_', '-')}: "):
        read_settings(**{name: value})


def test_a_master_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert find_master_key(settings) is None
    made = make_master_key(settings)
    assert make_master_key(settings) == made
    assert find_master_key(settings) == made
    assert stat.S_IMODE((tmp_path / "master.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]


def test_a_file_that_is_no_master_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text("hello")
    with pytest.raises(Failure, match=r"master\.key should hold 32 bytes"):
        find_master_key(Settings(data=tmp_path))


def test_a_log_refuses_another_master_key_than_it_was_begun_with(
    backstory: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert backstory("keys", "list").code == 0
    monkeypatch.setenv("BACKSTORY_MASTER_KEY", base64.b64encode(bytes(32)).decode())
    told = backstory("keys", "list")
    assert told.code == 1
    assert told.err.startswith("backstory: This master key did not wrap the keys of this log.")


def test_no_new_master_key_is_made_for_a_log_that_has_one(
    backstory: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert backstory("keys", "list").code == 0
    monkeypatch.delenv("BACKSTORY_MASTER_KEY")
    told = backstory("keys", "list")
    assert told.code == 1
    assert "master key is neither in BACKSTORY_MASTER_KEY nor in" in told.err
    assert not (tmp_path / "data" / "master.key").exists()


@pytest.mark.parametrize("url", ["nonsense with secret", "mysql://user:secret@host/x"])
def test_a_database_url_that_is_none_is_not_repeated(capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert main(["sql", "SELECT 1", "--database", url]) == 2
    told = capsys.readouterr().err
    assert told.startswith("backstory: --database: a PostgreSQL URL such as")
    assert "secret" not in told


def test_a_database_that_is_not_there_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "SELECT 1", "--database", "postgresql://user:secret@127.0.0.1:1/x"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("backstory: the database cannot be reached: ")
    assert told.count("\n") == 1
    assert "secret" not in told


def test_a_role_that_is_no_superuser_can_run_everything_on_a_database_of_its_own(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that is asked of a managed PostgreSQL; that analysts are not confined there is said, not hidden."""
    with psycopg.connect(database, autocommit=True) as connection:
        name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
        connection.execute("CREATE ROLE plain_owner LOGIN CREATEROLE")
        connection.execute("GRANT backstory_app, backstory_analyst TO plain_owner WITH ADMIN OPTION")
        connection.execute(f"CREATE DATABASE {name}_plain OWNER plain_owner")
        try:
            url = psycopg.conninfo.make_conninfo(database, dbname=f"{name}_plain", user="plain_owner")
            where = ["--database", url, "--data", str(tmp_path)]
            assert main(["keys", "create", "shop", *where]) == 0
            assert main(["sql", "SELECT 1", *where]) == 0
            assert "lets a statement change its tenant" in capsys.readouterr().err
            assert main(["doctor", *where]) == 1
            told = capsys.readouterr()
            assert told.err == ""
            wrong = [line for line in told.out.splitlines() if line.startswith("WRONG")]
            assert len(wrong) == 1
            assert wrong[0].split()[1] == "analysts"
        finally:
            connection.execute(f"DROP DATABASE {name}_plain WITH (FORCE)")
            connection.execute("DROP ROLE plain_owner")


def test_a_scope_beyond_the_role_of_a_key_is_asked_wrongly(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--database", database, "--data", str(tmp_path)]
    assert main(["keys", "create", "shop", "--scope", "customers:merge", *where]) == 2
    assert "the role service does not allow customers:merge" in capsys.readouterr().err
    assert main(["keys", "create", "shop", "--role", "manager", "--scope", "customers:merge", *where]) == 0
