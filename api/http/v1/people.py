"""Whom a report is about, as requests say it."""

from typing import Annotated

from pydantic import Field

from api import lengths
from api.http.v1.border import Body, Ident, Name
from domain.customer import Profile

_EMAIL = Annotated[str, Field(min_length=1, max_length=lengths.EMAIL)]
_PHONE = Annotated[str, Field(min_length=1, max_length=50)]


class ProfileBody(Body):
    """What the source knows of a customer, found by its own id, e-mail address or phone, else registered."""

    source_id: Ident | None = Field(None, description="The source's own id of the customer.")
    email: _EMAIL | None = None
    phone: _PHONE | None = None
    name: Name | None = None
    company: Name | None = None
    country: Name | None = None
    lifecycle_stage: Name | None = None
    owner: Name | None = None

    def profile(self) -> Profile:
        """Return it for a command."""
        return Profile(**{name: getattr(self, name) for name in ProfileBody.model_fields})


def profile_of(body: ProfileBody | None) -> Profile | None:
    """Return what a request says of a customer, if anything."""
    return None if body is None else body.profile()
