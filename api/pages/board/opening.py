"""What is typed to open a deal, to capture a lead or to bring a deal into a stage, and the commands it comes to."""

from collections.abc import Mapping
from typing import Annotated, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from api import lengths
from api.http.v1.border import Currency, Exact, Name
from api.http.v1.border import Text as Words
from commands.command import CaptureLead, OpenDeal
from domain.customer import Profile

FORM = "enquiry"
"""The form by which leads are captured here."""

_Blank = BeforeValidator(lambda value: None if isinstance(value, str) and not value.strip() else value)
_Maybe = Annotated[Name | None, _Blank]
_Email = Annotated[
    Annotated[str, StringConstraints(max_length=320, strip_whitespace=True, pattern=r"^[^@\s]+@[^@\s]+$")]
    | None,
    _Blank,
]
_Phone = Annotated[Annotated[str, StringConstraints(max_length=50, strip_whitespace=True)] | None, _Blank]
_Amount = Annotated[Annotated[Exact, Field(ge=0)] | None, _Blank]
NEEDED = "This is needed."
_SENTENCES = {
    "missing": NEEDED,
    "string_too_short": NEEDED,
    "string_pattern_mismatch": "This is not an address such as ann@example.org.",
    "string_too_long": "This is too long.",
    "greater_than_equal": "This is not below 0.",
}


class _Form(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class NewDeal(_Form):
    """What is typed to open a deal."""

    pipeline: Name
    stage: Name
    title: Annotated[str, StringConstraints(min_length=1, max_length=lengths.NAME, strip_whitespace=True)]
    amount: _Amount = None
    currency: Annotated[Currency | None, _Blank] = None
    owner: _Maybe = None
    company: _Maybe = None
    name: _Maybe = None
    email: _Email = None
    lead_id: _Maybe = None
    customer_id: _Maybe = None

    def command(self) -> OpenDeal:
        """Return what is asked. Somebody is found or registered by an e-mail address alone."""
        about = Profile(email=self.email, name=self.name, company=self.company)
        return OpenDeal(
            pipeline=self.pipeline,
            stage=self.stage,
            title=self.title,
            owner=self.owner,
            amount=self.amount,
            currency=self.currency if self.amount is not None else None,
            profile=about if self.email and not self.customer_id else None,
            customer_id=self.customer_id,
            lead_id=self.lead_id,
            company=self.company,
            converts=self.lead_id is not None,
        )


class Lacking(_Form):
    """What is typed to give a deal what a stage takes."""

    amount: _Amount = None
    currency: Annotated[Currency | None, _Blank] = None
    owner: _Maybe = None
    reason: Annotated[Words | None, _Blank] = None


class Enquiry(_Form):
    """What is typed to capture a lead."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=lengths.NAME, strip_whitespace=True)]
    email: _Email = None
    phone: _Phone = None
    company: _Maybe = None
    about: Annotated[Words | None, _Blank] = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.email is None and self.phone is None:
            raise ValueError("An e-mail address or a phone number is needed.")
        return self

    def command(self) -> CaptureLead:
        """Return what is asked."""
        profile = Profile(email=self.email, phone=self.phone, name=self.name, company=self.company)
        return CaptureLead(form=FORM, profile=profile, fields={"about": self.about} if self.about else None)


F = TypeVar("F", bound=_Form)


def read_form(kind: type[F], form: Mapping[str, str]) -> tuple[F | None, dict[str, str]]:
    """Return what a form says, or None and a sentence for each field that is wrong; "" is the form as a whole."""
    try:
        return kind.model_validate(dict(form)), {}
    except ValidationError as wrong:
        return None, {
            str(error["loc"][0]) if error["loc"] else "": _SENTENCES.get(
                error["type"], error["msg"].removeprefix("Value error, ")
            )
            for error in wrong.errors()
        }
