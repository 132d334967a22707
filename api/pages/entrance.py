"""What signing in needs: where people reach the service, how links reach them, how often they may ask."""

from dataclasses import dataclass, field

from api.http.rate import Rates
from api.pages.mail import Send, to_console
from api.pages.oidc import Provider

_QUARTER = 15 * 60.0


def _rates(times: int) -> Rates:
    """Return so many times in a quarter of an hour."""
    return Rates(rate=times / _QUARTER, burst=times)


@dataclass(frozen=True, slots=True)
class Entrance:
    """How people come in."""

    url: str
    send: Send = to_console
    provider: Provider | None = None
    by_address: Rates = field(default_factory=lambda: _rates(30))
    by_email: Rates = field(default_factory=lambda: _rates(3))

    @property
    def by_console(self) -> bool:
        """Whether links are written to the console instead of being sent."""
        return self.send is to_console
