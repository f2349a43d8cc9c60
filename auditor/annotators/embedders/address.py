"""Where an endpoint is, and what is asked of it: `https://HOST/v1#MODEL?dimensions=256&price=0.02&tokens=8191`."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from auditor.core.secrets import redact
from auditor.files import slug
from auditor.model.errors import ConfigError

KEY, OPENAI_KEY = "AUDITOR_EMBEDDING_KEY", "OPENAI_API_KEY"
"""Variables that a key is read from, the first that is set. The second goes to OpenAI alone: an address may stand in an
`auditor.yaml` that somebody else wrote."""

OPENAI = "api.openai.com"

TOKENS = 8191
"""Most tokens of a text, where the address does not say: what OpenAI's embedding models take."""

WIDEST = 65_536
"""Dimensions that can be asked for: more than any model has."""

_WANTED = "?dimensions=256&price=0.02&tokens=8191"


@dataclass(frozen=True, slots=True)
class Address:
    """base: URL up to /v1. dimensions: asked for, or None. price: of a million tokens, or None. tokens: the most of a
    text, by our own estimate."""

    base: str
    model: str
    dimensions: int | None = None
    price: float | None = None
    tokens: int = TOKENS

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises ConfigError for an address that does not say which model, has a key in it, or asks for what cannot
        be."""
        base, _, rest = text.partition("#")
        model, _, query = rest.partition("?")
        try:
            parts = urlsplit(base)
            host = parts.hostname and (parts.port or True)
        except ValueError as error:
            raise ConfigError(f"not an address: {error}", seen=redact(base), wanted="https://HOST/v1#MODEL") from None
        if parts.password or parts.username or parts.query:
            raise ConfigError("an embedder's address holds no key", seen=redact(base), hint=f"put the key into {KEY}")
        if not host:
            raise ConfigError("an address without a host", seen=redact(base), wanted="https://HOST/v1#MODEL")
        if not model:
            raise ConfigError(
                "which model of the endpoint?", seen=redact(text), wanted="https://HOST/v1#MODEL", hint="append #MODEL"
            )
        given = parse_qs(query, keep_blank_values=True)
        unknown = set(given) - {"dimensions", "price", "tokens"}
        if unknown:
            raise ConfigError(
                f"unknown option {redact(min(unknown))!r}", seen=redact(query), wanted="dimensions, price, tokens"
            )
        said = {name: values[-1] for name, values in given.items()}
        return cls(
            base.rstrip("/"),
            model,
            _whole("dimensions", said["dimensions"], WIDEST) if "dimensions" in said else None,
            _price(said["price"]) if "price" in said else None,
            _whole("tokens", said["tokens"], 1_000_000) if "tokens" in said else TOKENS,
        )

    @property
    def name(self) -> str:
        """The address without its options."""
        return f"{self.base}#{self.model}"

    @property
    def keys(self) -> tuple[str, ...]:
        """Variables that may hold the key of this address."""
        parts = urlsplit(self.base)
        return (KEY, OPENAI_KEY) if parts.scheme == "https" and parts.hostname == OPENAI else (KEY,)

    @property
    def file(self) -> str:
        """Of the vectors that were bought there: of this model and these dimensions, and of nothing else."""
        about = hashlib.sha256(f"{self.name}\0{self.dimensions}".encode()).hexdigest()[:8]
        return f"{slug(f'{urlsplit(self.base).hostname}-{self.model}')}-{about}.db"


def _whole(name: str, said: str, most: int) -> int:
    try:
        number = int(said)
    except ValueError:
        number = 0
    if not 1 <= number <= most:
        raise ConfigError(
            f"{name!r} is a whole number from 1 to {most:,}", seen=redact(f"{name}={said}"), wanted=_WANTED
        )
    return number


def _price(said: str) -> float:
    try:
        number = float(said)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ConfigError(
            "'price' is that of a million tokens: a number from 0 on", seen=redact(f"price={said}"), wanted=_WANTED
        )
    return number
