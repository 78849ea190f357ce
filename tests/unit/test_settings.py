"""The settings: defaults that run everything, and combinations that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from loginlake.errors import Misconfigured
from loginlake.settings import Settings, is_loopback, refuse_unsafe


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No .env and no variable of whoever runs the tests."""
    import os

    for name in [name for name in os.environ if name.upper().startswith("LOGINLAKE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_an_empty_environment_is_enough() -> None:
    settings = Settings()
    assert settings.log_address == "sqlite:data/log.db"
    assert settings.lake_address == "file:data/lake"
    assert settings.gold_address == "sqlite:data/gold.db"
    assert settings.origin == settings.application == "http://localhost:8000"
    assert settings.developer_mode
    assert settings.viewer_names == frozenset()
    refuse_unsafe(settings)


def test_addresses_follow_the_data_folder_and_the_port() -> None:
    settings = Settings(data=Path("/x"), port=9000)
    assert settings.log_address == "sqlite:/x/log.db"
    assert settings.origin == "http://localhost:9000"


def test_variables_and_dotenv_are_read_and_the_variable_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOGINLAKE_PORT=1234\nLOGINLAKE_HOST=::1\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("LOGINLAKE_PORT", "4321")
    settings = Settings()
    assert (settings.port, settings.host) == (4321, "::1")


def test_lists_are_split_at_commas() -> None:
    settings = Settings(viewers=" Ana@Example.com, ,b@example.com,", required="id, time ,,")
    assert settings.viewer_names == {"ana@example.com", "b@example.com"}
    assert settings.required_fields == {"id", "time"}


def test_the_origin_has_no_slash_at_its_end_and_source_follows_it() -> None:
    settings = Settings(public_url="https://a.example/")
    assert settings.origin == settings.application == "https://a.example"
    assert Settings(public_url="https://a.example", source="urn:x").application == "urn:x"


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", "0"), ("port", "65536"), ("port", "x"), ("workers", "0"), ("partitions", "0"), ("log_level", "loud")],
)
def test_values_out_of_range_are_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"LOGINLAKE_{name.upper()}", value)
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_developer_mode_starts_on_loopback(host: str) -> None:
    assert is_loopback(host)
    refuse_unsafe(Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com", "localhost.example.com", ""])
def test_developer_mode_is_refused_anywhere_else(host: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        refuse_unsafe(Settings(host=host))
    assert (caught.value.what, bool(caught.value.why)) == (
        f"The developer identity provider does not start on {host}.",
        True,
    )
    assert "LOGINLAKE_GOOGLE_CLIENT_ID" in caught.value.next_move


def test_with_a_google_client_id_any_address_is_good() -> None:
    settings = Settings(host="0.0.0.0", google_client_id="x.apps.googleusercontent.com")
    assert not settings.developer_mode
    refuse_unsafe(settings)


def test_a_secret_never_shows_in_a_repr() -> None:
    assert "hunter2" not in repr(Settings.model_validate({"secret": "hunter2"}))
