"""Signing in by an OpenID Connect provider: code flow, PKCE, nonce, and an e-mail address that it verified."""

from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client, OAuthError
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from domain.contact import email_key
from domain.errors import InvalidValue

_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
_LEEWAY = 60  # seconds that clocks may differ
_PATIENCE = 10.0


class NotConfirmed(Exception):
    """The provider did not confirm who this is."""


class Unavailable(Exception):
    """The provider does not answer as its standard says."""


class _Tokens(msgspec.Struct):
    """What is needed of what a provider gives for a code."""

    id_token: str
    access_token: str


class Memo(msgspec.Struct, frozen=True):
    """What this browser must bring back, and what only it knows, between going to the provider and coming back."""

    state: str
    nonce: str
    verifier: str
    leads_to: str


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of OpenID Connect, as its settings name it."""

    issuer: str
    client_id: str
    client_secret: str
    label: str = "your company's account"

    def begin(self, callback: str, leads_to: str) -> tuple[str, Memo]:
        """Return where to send a browser, and what it keeps meanwhile. Raises Unavailable."""
        memo = Memo(generate_token(32), generate_token(32), generate_token(64), leads_to)
        address, _ = self._client(callback).create_authorization_url(
            self._told("authorization_endpoint"),
            state=memo.state,
            nonce=memo.nonce,
            code_verifier=memo.verifier,
        )
        return str(address), memo

    def confirmed_email(self, callback: str, code: str, memo: Memo) -> str:
        """Return the verified e-mail address of who comes back with a code. Raises NotConfirmed, Unavailable."""
        try:
            with self._client(callback) as client:
                token = client.fetch_token(
                    self._told("token_endpoint"),
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=memo.verifier,
                )
            claims = self._claims(msgspec.convert(token, _Tokens), memo)
            email, verified = claims.get("email"), claims.get("email_verified")
            return email_key(email) if verified is True and isinstance(email, str) else _none()
        except (OAuthError, JoseError, InvalidValue, KeyError) as cause:
            raise NotConfirmed from cause
        except (httpx2.HTTPError, ValueError) as cause:
            raise Unavailable from cause

    def _claims(self, token: _Tokens, memo: Memo) -> Any:  # noqa: ANN401 - authlib has no types
        decoded = jwt.decode(
            token.id_token, KeySet.import_key_set(self._get(self._told("jwks_uri"))), _ALGORITHMS
        )
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self.client_id},
            },
            params={"nonce": memo.nonce, "client_id": self.client_id, "access_token": token.access_token},
        )
        claims.validate(leeway=_LEEWAY)
        return claims

    def _client(self, callback: str) -> Any:  # noqa: ANN401 - authlib has no types
        return OAuth2Client(
            self.client_id,
            self.client_secret,
            redirect_uri=callback,
            scope="openid email",
            code_challenge_method="S256",
            timeout=_PATIENCE,
        )

    def _told(self, name: str) -> str:
        document = self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != self.issuer or not isinstance(document.get(name), str):
            raise Unavailable
        return str(document[name])

    def _get(self, address: str) -> Any:  # noqa: ANN401 - JSON
        try:
            return httpx2.get(address, timeout=_PATIENCE).raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as cause:
            raise Unavailable from cause


def _none() -> str:
    raise NotConfirmed
