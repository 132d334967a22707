"""How often someone may ask: a token bucket each, in this process."""

import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field

_MOST_KEPT = 100_000  # buckets, before those that are full again are dropped


@dataclass(slots=True)
class Bucket:
    """A token bucket: `rate` requests a second, `burst` at once."""

    rate: float
    burst: float
    tokens: float
    at: float

    def take(self, now: float) -> float:
        """Take a token; return 0, or the seconds until there is one."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


@dataclass(slots=True)
class Rates:
    """A bucket for everyone who asks."""

    rate: float
    burst: float
    _buckets: dict[Hashable, Bucket] = field(default_factory=dict)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def take(self, whose: Hashable) -> float:
        """Count a request; return 0, or the seconds until there may be one."""
        now = time.monotonic()
        with self._counting:
            bucket = self._buckets.get(whose)
            if bucket is None:
                if len(self._buckets) >= _MOST_KEPT:
                    self._drop_full(now)
                bucket = self._buckets[whose] = Bucket(self.rate, self.burst, self.burst, now)
            return bucket.take(now)

    def _drop_full(self, now: float) -> None:
        """Forget those who could ask as often as someone new."""
        self._buckets = {
            whose: bucket
            for whose, bucket in self._buckets.items()
            if bucket.tokens + (now - bucket.at) * self.rate < self.burst
        }
