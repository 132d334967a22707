"""What is typed to open a deal, to capture a lead or to bring a deal into a stage, and the commands it comes to."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from api import lengths
from api.http.v1.border import Currency, Exact, Name
from api.http.v1.border import Text as Words
from api.pages.forms import Blank, Form, Maybe
from commands.command import CaptureLead, OpenDeal
from domain.customer import Profile

FORM = "enquiry"
"""The form by which leads are captured here."""

Title = Annotated[str, StringConstraints(min_length=1, max_length=lengths.NAME, strip_whitespace=True)]
"""What a deal is called."""
_Email = Annotated[
    Annotated[str, StringConstraints(max_length=320, strip_whitespace=True, pattern=r"^[^@\s]+@[^@\s]+$")]
    | None,
    Blank,
]
_Phone = Annotated[Annotated[str, StringConstraints(max_length=50, strip_whitespace=True)] | None, Blank]
_Amount = Annotated[Annotated[Exact, Field(ge=0)] | None, Blank]


class NewDeal(Form):
    """What is typed to open a deal."""

    pipeline: Name
    stage: Name
    title: Title
    amount: _Amount = None
    currency: Annotated[Currency | None, Blank] = None
    owner: Maybe = None
    company: Maybe = None
    name: Maybe = None
    email: _Email = None
    lead_id: Maybe = None
    customer_id: Maybe = None

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


class Lacking(Form):
    """What is typed to give a deal what a stage takes."""

    amount: _Amount = None
    currency: Annotated[Currency | None, Blank] = None
    owner: Maybe = None
    reason: Annotated[Words | None, Blank] = None


class Enquiry(Form):
    """What is typed to capture a lead."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=lengths.NAME, strip_whitespace=True)]
    email: _Email = None
    phone: _Phone = None
    company: Maybe = None
    about: Annotated[Words | None, Blank] = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.email is None and self.phone is None:
            raise ValueError("An e-mail address or a phone number is needed.")
        return self

    def command(self) -> CaptureLead:
        """Return what is asked."""
        profile = Profile(email=self.email, phone=self.phone, name=self.name, company=self.company)
        return CaptureLead(form=FORM, profile=profile, fields={"about": self.about} if self.about else None)
