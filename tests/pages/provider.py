"""A small, real OpenID Connect provider: discovery, keys, authorization, token; what it says can be bent."""

import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "backstory", "a secret"


@dataclass
class Account:
    """Who is signed in at the provider, and what is bent in what it says of them."""

    email: str
    verified: bool = True
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey | None = None
    algorithm: str = "RS256"
    answer: tuple[int, Any] | None = None
    """What the token endpoint says instead: a status and a document."""


class Provider(ThreadingHTTPServer):
    """The provider; `account` is whoever its browser is signed in as."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = RSAKey.generate_key(2048, {"kid": "k", "use": "sig"})
        self.account = Account("nobody@example.org")
        self.codes: dict[str, dict[str, str]] = {}

    def token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        account = self.account
        claims = {
            "iss": self.issuer,
            "sub": "1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 60,
            "nonce": asked["nonce"],
            "email": account.email,
            "email_verified": account.verified,
        } | account.claims
        key = account.key or self.key
        return jwt.encode({"alg": account.algorithm, "kid": "k"}, claims, key)


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/.well-known/openid-configuration":
            at = self.server.issuer
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            self.answer({"issuer": at} | {name: f"{at}/{name}" for name in names})
        elif parts.path == "/jwks_uri":
            self.answer({"keys": [self.server.key.as_dict(private=False)]})
        elif parts.path == "/authorization_endpoint":
            assert asked["client_id"] == CLIENT
            assert asked["response_type"] == "code"
            assert asked["code_challenge_method"] == "S256"
            code = secrets.token_urlsafe(8)
            self.server.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"]})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()

    def do_POST(self) -> None:
        body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        asked = self.server.codes.pop(body["code"][0], None)
        who = b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        proof = urlsafe_b64encode(sha256(body["code_verifier"][0].encode()).digest()).decode().rstrip("=")
        if asked is None or who != f"{CLIENT}:{SECRET}" or proof != asked["code_challenge"]:
            self.answer({"error": "invalid_grant"}, 400)
            return
        assert body["redirect_uri"][0] == asked["redirect_uri"]
        token = {"access_token": "a", "token_type": "Bearer", "id_token": self.server.token(asked)}
        status, document = self.server.account.answer or (200, token)
        self.answer(document, status)

    def answer(self, document: object, status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def providing() -> Iterator[Provider]:
    with Provider() as provider:
        thread = threading.Thread(target=provider.serve_forever)
        thread.start()
        try:
            yield provider
        finally:
            provider.shutdown()
            thread.join(10)
