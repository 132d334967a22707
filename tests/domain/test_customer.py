from dataclasses import replace
from typing import Any

import pytest

from domain import customer
from domain.customer import (
    AlreadyMerged,
    ConsentGiven,
    ConsentWithdrawn,
    CustomerAbsorbed,
    CustomerForgotten,
    CustomerMerged,
    CustomerNotFound,
    CustomerReleased,
    CustomerUnmerged,
    EmailChanged,
    Emptying,
    FieldConflictSettled,
    FieldEmptied,
    IdentityLinked,
    IdentityTaken,
    NameChanged,
    NoConflict,
    NotMerged,
    Profile,
    ProfileConfirmed,
    SameCustomer,
    SurvivorMerged,
)
from domain.errors import InvalidValue
from domain.record import PersonalDataErased
from tests.domain.story import fold, given
from tests.examples import ANN, ANNA, EMAILED, LINKED, NAMED, REGISTERED, at

SHOP: dict[str, Any] = {"source": "shop", "owners": {}}
OWNED = {"name": "crm", "email": "app"}
NAME = Profile(name="Ann Smith")
EMAIL = Profile(email="ann@example.org")


def told(name: str, source: str, minutes: float, *, by_owner: bool = True) -> NameChanged:
    return NameChanged(occurred_at=at(minutes), name=name, source=source, by_owner=by_owner)


def confirmed(
    minutes: float, *, source: str = "shop", owned: tuple[str, ...] = ("name",)
) -> ProfileConfirmed:
    return ProfileConfirmed(
        occurred_at=at(minutes), source=source, owned=owned, personal={"name": "Ann Smith"}
    )


# What sources report


def test_a_new_customer_is_registered_with_every_field_and_identity_given() -> None:
    profile = Profile(source_id="7", email=" Ann@Example.org ", phone="+49 (30) 123456", country="DE")
    given().when(customer.report, profile=profile, **SHOP, at=at()).then(
        REGISTERED,
        EmailChanged(occurred_at=at(), source="shop", email="Ann@Example.org"),
        customer.PhoneChanged(occurred_at=at(), source="shop", phone="+49 (30) 123456"),
        customer.CountryChanged(occurred_at=at(), source="shop", country="DE"),
        IdentityLinked(occurred_at=at(), source="shop", kind="external", value="7"),
        LINKED,
        IdentityLinked(occurred_at=at(), source="shop", kind="phone", value="+4930123456"),
    )


def test_every_field_of_a_profile_is_told_by_an_event_of_its_own() -> None:
    profile = Profile(**dict.fromkeys(customer.FIELDS, "ann@example.org") | {"phone": "12345"})
    events = customer.report(customer.NEW, profile=profile, **SHOP, at=at())
    assert {type(event) for event in events} >= set(customer.CHANGES.values())
    state = fold(customer, events)
    assert [state.value(name) for name in customer.FIELDS] == [
        getattr(profile, name) for name in customer.FIELDS
    ]


def test_a_blank_field_says_nothing() -> None:
    given().when(customer.report, profile=Profile(name=" ", email="", source_id=""), **SHOP, at=at()).then(
        REGISTERED
    )


def test_a_report_told_twice_is_nothing() -> None:
    both = Profile(name="Ann Smith", email="ann@example.org")
    given(REGISTERED, NAMED, EMAILED, LINKED).when(
        customer.report, profile=both, **SHOP, at=at()
    ).then_nothing()


def test_an_older_report_of_what_is_known_is_nothing() -> None:
    given(REGISTERED, told("Ann Smith", "shop", 5)).when(
        customer.report, profile=NAME, **SHOP, at=at()
    ).then_nothing()


def test_fields_told_again_later_are_confirmed_in_one_event() -> None:
    given(REGISTERED, NAMED).when(customer.report, profile=NAME, **SHOP, at=at(5)).then(confirmed(5))


def test_a_confirmed_field_is_not_overwritten_by_a_late_report_of_what_was_in_between() -> None:
    state = fold(customer, [REGISTERED, NAMED, confirmed(5), told("Ann Jones", "shop", 3)])
    assert state.value("name") == "Ann Smith"


def test_another_value_by_the_same_source_is_a_change() -> None:
    given(REGISTERED, NAMED).when(customer.report, profile=Profile(name="Ann Jones"), **SHOP, at=at(5)).then(
        told("Ann Jones", "shop", 5)
    )


def test_the_same_value_by_another_source_is_recorded_for_it() -> None:
    given(REGISTERED, NAMED).when(customer.report, profile=NAME, source="crm", owners={}, at=at(5)).then(
        told("Ann Smith", "crm", 5)
    )


def test_an_identity_told_again_to_be_older_is_linked_since_then() -> None:
    state = fold(
        customer, [REGISTERED, replace(EMAILED, occurred_at=at(5)), replace(LINKED, occurred_at=at(5))]
    )
    events = customer.report(state, profile=EMAIL, **SHOP, at=at())
    assert events == [LINKED]
    assert fold(customer, events, state).identities["email", "ann@example.org", "shop"] == at()


def test_what_is_no_email_address_or_phone_number_is_refused() -> None:
    given().when(customer.report, profile=Profile(email="ann"), **SHOP, at=at()).then_refuses(
        InvalidValue, field="email"
    )
    given().when(customer.report, profile=Profile(phone="none"), **SHOP, at=at()).then_refuses(
        InvalidValue, field="phone"
    )


def test_an_identity_that_another_has_is_recorded_once() -> None:
    taken = IdentityTaken(occurred_at=at(), kind="phone", value="+4930", source="shop", holder=ANNA)
    content: dict[str, Any] = {
        "kind": "phone",
        "value": "+4930",
        "source": "shop",
        "holder": ANNA,
        "at": at(),
    }
    given(REGISTERED).when(customer.identity_taken, **content).then(taken)
    given(REGISTERED, taken).when(customer.identity_taken, **content).then_nothing()


def test_a_customer_is_registered_by_the_earliest_report() -> None:
    late = replace(REGISTERED, occurred_at=at(5))
    given(late).when(customer.report, profile=Profile(), **SHOP, at=at()).then(REGISTERED)
    given(late, REGISTERED).when(customer.report, profile=Profile(), **SHOP, at=at(3)).then_nothing()
    assert fold(customer, [late, REGISTERED]).registered_at == at()
    assert fold(customer, [REGISTERED, late]).registered_at == at()


# Ownership of fields


def test_the_newest_report_stands_while_nobody_owns_the_field() -> None:
    state = fold(customer, [REGISTERED, told("Ann Jones", "crm", 5), NAMED])
    assert state.value("name") == "Ann Jones"
    assert state.conflicts("name") == {}


def test_who_owns_a_field_is_noted_with_what_is_told() -> None:
    given(REGISTERED).when(customer.report, profile=NAME, source="shop", owners=OWNED, at=at()).then(
        told("Ann Smith", "shop", 0, by_owner=False)
    )
    given(REGISTERED).when(customer.report, profile=NAME, source="crm", owners=OWNED, at=at()).then(
        told("Ann Smith", "crm", 0)
    )


def test_a_source_that_does_not_own_a_field_fills_it_while_the_owner_gave_nothing() -> None:
    state = fold(customer, [REGISTERED, told("Ann", "shop", 0, by_owner=False)])
    assert state.value("name") == "Ann"
    assert state.conflicts("name") == {}


def test_what_the_owner_says_stands_even_against_newer_offers_which_stay_as_conflicts() -> None:
    events = [REGISTERED, told("Ann Smith", "crm", 0), told("Annie", "shop", 9, by_owner=False)]
    for history in (events, events[::-1]):
        state = fold(customer, history)
        assert state.value("name") == "Ann Smith"
        assert {source: offer.value for source, offer in state.conflicts("name").items()} == {"shop": "Annie"}


def test_a_conflict_ends_when_the_values_agree() -> None:
    offered = [REGISTERED, told("Ann Smith", "crm", 0), told("Annie", "shop", 9, by_owner=False)]
    assert not fold(customer, [*offered, told("Ann Smith", "shop", 10, by_owner=False)]).conflicts("name")
    assert not fold(customer, [*offered, told("Annie", "crm", 10)]).conflicts("name")


def test_an_address_written_differently_is_no_conflict() -> None:
    shop = EmailChanged(occurred_at=at(5), source="shop", email="ANN@EXAMPLE.ORG", by_owner=False)
    assert not fold(customer, [REGISTERED, EMAILED, shop]).conflicts("email")
    phones = [
        customer.PhoneChanged(occurred_at=at(), source="app", phone="+49 30 123456"),
        customer.PhoneChanged(occurred_at=at(5), source="shop", phone="0049 (30) 123456", by_owner=False),
    ]
    assert not fold(customer, [REGISTERED, *phones]).conflicts("phone")


CONFLICT = (REGISTERED, told("Ann Smith", "crm", 0), told("Annie", "shop", 9, by_owner=False))


def test_a_conflict_is_settled_for_the_owner() -> None:
    settled = FieldConflictSettled(occurred_at=at(20), field="name")
    given(*CONFLICT).when(
        customer.settle_conflict, field="name", accept="owner", source="app", at=at(20)
    ).then(settled)
    state = fold(customer, [*CONFLICT, settled])
    assert state.value("name") == "Ann Smith"
    assert not state.conflicts("name")


def test_a_settled_conflict_does_not_come_back_when_the_same_is_told_again() -> None:
    settled = FieldConflictSettled(occurred_at=at(20), field="name")
    again = told("Annie", "shop", 30, by_owner=False)
    other = told("Nan", "shop", 30, by_owner=False)
    assert not fold(customer, [*CONFLICT, settled, again]).conflicts("name")
    assert fold(customer, [*CONFLICT, settled, other]).conflicts("name")


def test_a_value_first_offered_before_the_settling_stays_dismissed_whichever_report_came_first() -> None:
    settled = FieldConflictSettled(occurred_at=at(20), field="name")
    late, early = told("Annie", "shop", 30, by_owner=False), told("Annie", "shop", 9, by_owner=False)
    for history in ([late, early], [early, late]):
        assert not fold(customer, [*CONFLICT[:2], settled, *history]).conflicts("name")
    assert fold(customer, [*CONFLICT[:2], settled, late]).conflicts("name")
    same_moment = told("Annie", "shop", 20, by_owner=False)
    assert not fold(customer, [*CONFLICT[:2], settled, same_moment]).conflicts("name")


def test_an_offer_told_again_is_confirmed() -> None:
    annie: dict[str, Any] = {"profile": Profile(name="Annie"), "source": "shop", "owners": OWNED}
    again = ProfileConfirmed(occurred_at=at(12), source="shop", personal={"name": "Annie"})
    given(*CONFLICT).when(customer.report, **annie, at=at(12)).then(again)
    given(*CONFLICT).when(customer.report, **annie, at=at(9)).then_nothing()
    given(*CONFLICT, again).when(customer.report, **annie, at=at(10)).then_nothing()


def test_a_conflict_is_settled_for_what_was_offered() -> None:
    given(*CONFLICT).when(
        customer.settle_conflict, field="name", accept="offered", source="app", at=at(20)
    ).then(told("Annie", "app", 20), FieldConflictSettled(occurred_at=at(20), field="name"))
    state = fold(
        customer,
        [*CONFLICT, told("Annie", "app", 20), FieldConflictSettled(occurred_at=at(20), field="name")],
    )
    assert state.value("name") == "Annie"
    assert not state.conflicts("name")


def test_settling_takes_effect_though_an_offer_has_a_later_clock() -> None:
    future = told("Nan", "shop", 500, by_owner=False)
    state = fold(customer, [*CONFLICT, future])
    [settled] = customer.settle_conflict(state, field="name", accept="owner", source="app", at=at(20))
    assert not fold(customer, [settled], state).conflicts("name")


def test_the_newest_of_several_offers_is_accepted_and_the_others_dismissed() -> None:
    other = told("Nan", "import", 10, by_owner=False)
    state = fold(customer, [*CONFLICT, other])
    events = customer.settle_conflict(state, field="name", accept="offered", source="app", at=at(20))
    after = fold(customer, events, state)
    assert (after.value("name"), dict(after.conflicts("name"))) == ("Nan", {})


def test_where_nothing_is_in_conflict_nothing_is_settled() -> None:
    settle: dict[str, Any] = {"accept": "owner", "source": "app", "at": at(20)}
    given(REGISTERED, NAMED).when(customer.settle_conflict, field="name", **settle).then_refuses(NoConflict)
    given(REGISTERED).when(customer.settle_conflict, field="colour", **settle).then_refuses(InvalidValue)
    given().when(customer.settle_conflict, field="name", **settle).then_refuses(CustomerNotFound)


# Emptying a field

NO_NAME = Emptying(emptied=("name",))
OF_ANN = ("email", "ann@example.org", "shop")


def emptied(
    minutes: float, *, field: str = "name", source: str = "shop", by_owner: bool = True
) -> FieldEmptied:
    return FieldEmptied(occurred_at=at(minutes), field=field, source=source, by_owner=by_owner)


def test_a_field_is_emptied_and_filled_again() -> None:
    given(REGISTERED, NAMED).when(customer.report, profile=NO_NAME, **SHOP, at=at(5)).then(emptied(5))
    state = fold(customer, [REGISTERED, NAMED, emptied(5)])
    assert state.value("name") is None
    given(REGISTERED, NAMED, emptied(5)).when(customer.report, profile=NAME, **SHOP, at=at(9)).then(
        told("Ann Smith", "shop", 9)
    )
    assert fold(customer, [told("Ann Smith", "shop", 9)], state).value("name") == "Ann Smith"


def test_anyone_empties_a_field_that_nobody_owns_and_the_newest_report_stands() -> None:
    given(REGISTERED, NAMED).when(customer.report, profile=NO_NAME, source="crm", owners={}, at=at(5)).then(
        emptied(5, source="crm")
    )
    again = told("Ann Smith", "shop", 9)
    assert fold(customer, [REGISTERED, NAMED, emptied(5, source="crm")]).value("name") is None
    assert fold(customer, [REGISTERED, NAMED, emptied(5, source="crm"), again]).value("name") == "Ann Smith"


def test_an_older_emptying_that_comes_late_takes_no_newer_value_away() -> None:
    for history in ([told("Ann", "shop", 9), emptied(5)], [emptied(5), told("Ann", "shop", 9)]):
        assert fold(customer, [REGISTERED, *history]).value("name") == "Ann"
    for history in ([told("Ann", "shop", 3), emptied(5)], [emptied(5), told("Ann", "shop", 3)]):
        assert fold(customer, [REGISTERED, *history]).value("name") is None


def test_that_an_empty_field_is_empty_is_no_news_but_holds_against_what_was_told_before() -> None:
    nothing = ProfileConfirmed(occurred_at=at(5), source="shop", owned=("name",), plain={"name": ""})
    given(REGISTERED).when(customer.report, profile=NO_NAME, **SHOP, at=at(5)).then(nothing)
    given(REGISTERED, nothing).when(customer.report, profile=NO_NAME, **SHOP, at=at(5)).then_nothing()
    assert fold(customer, [REGISTERED, nothing, NAMED]).value("name") is None


def test_a_field_is_emptied_again_after_another_source_filled_it() -> None:
    filled = told("Annie", "crm", 7)
    given(REGISTERED, NAMED, emptied(5), filled).when(
        customer.report, profile=NO_NAME, **SHOP, at=at(9)
    ).then(emptied(9))


def test_who_does_not_own_a_field_cannot_empty_it_but_offers_that() -> None:
    owned = (REGISTERED, told("Ann Smith", "crm", 0))
    offer = emptied(5, by_owner=False)
    nothing: dict[str, Any] = {"profile": NO_NAME, "source": "shop", "owners": OWNED}
    given(*owned).when(customer.report, **nothing, at=at(5)).then(offer)
    state = fold(customer, [*owned, offer])
    assert state.value("name") == "Ann Smith"
    assert {source: offered.value for source, offered in state.conflicts("name").items()} == {"shop": ""}
    given(*owned, offer).when(customer.report, **nothing, at=at(9)).then(
        ProfileConfirmed(occurred_at=at(9), source="shop", plain={"name": ""})
    )


def test_an_offer_to_empty_a_field_is_accepted_or_dismissed() -> None:
    history = (REGISTERED, told("Ann Smith", "crm", 0), emptied(5, by_owner=False))
    settle: dict[str, Any] = {"field": "name", "source": "app", "at": at(20)}
    settled = FieldConflictSettled(occurred_at=at(20), field="name")
    given(*history).when(customer.settle_conflict, **settle, accept="owner").then(settled)
    given(*history).when(customer.settle_conflict, **settle, accept="offered").then(
        emptied(20, source="app"), settled
    )
    after = fold(customer, [*history, emptied(20, source="app"), settled])
    assert (after.value("name"), dict(after.conflicts("name"))) == (None, {})


def test_what_others_offer_against_an_emptied_field_is_a_conflict_until_they_agree() -> None:
    emptied_by_owner = (REGISTERED, told("Ann Smith", "crm", 0), emptied(5, source="crm"))
    offered = fold(customer, [*emptied_by_owner, told("Ann", "shop", 9, by_owner=False)])
    assert (offered.value("name"), set(offered.conflicts("name"))) == (None, {"shop"})
    assert not fold(customer, [emptied(12, by_owner=False)], offered).conflicts("name")


def test_an_emptied_address_finds_nobody_until_it_is_told_again() -> None:
    state = fold(customer, [REGISTERED, EMAILED, LINKED])
    assert state.known_by() == {OF_ANN}
    gone = fold(customer, [emptied(5, field="email", source="app")], state)
    assert gone.known_by() == set()
    assert fold(customer, [replace(EMAILED, occurred_at=at(9))], gone).known_by() == {OF_ANN}
    other = customer.report(gone, profile=EMAIL, source="app", owners={}, at=at(9))
    assert fold(customer, other, gone).known_by() == {("email", "ann@example.org", "app")}


def test_an_emptied_address_does_not_come_back_when_one_who_does_not_own_the_field_repeats_it() -> None:
    offered = replace(EMAILED, by_owner=False)
    history = [REGISTERED, offered, LINKED, emptied(5, field="email", source="app")]
    again = fold(customer, [*history, replace(offered, occurred_at=at(9))])
    assert again.known_by() == set()
    assert again.conflicts("email")
    assert fold(customer, history[:3]).known_by() == {OF_ANN}


def test_an_offered_address_that_is_accepted_finds_the_customer_again() -> None:
    offered = replace(EMAILED, by_owner=False)
    state = fold(customer, [REGISTERED, offered, LINKED, emptied(5, field="email", source="app")])
    events = customer.settle_conflict(state, field="email", accept="offered", source="app", at=at(9))
    assert fold(customer, events, state).known_by() == {("email", "ann@example.org", "app")}


def test_who_does_not_own_an_address_does_not_keep_it_from_finding_the_customer() -> None:
    events = [REGISTERED, EMAILED, LINKED, emptied(5, field="email", source="crm", by_owner=False)]
    assert fold(customer, events).known_by() == {OF_ANN}


def test_an_address_told_before_it_was_emptied_but_heard_later_finds_nobody() -> None:
    for history in (
        [EMAILED, LINKED, emptied(5, field="email")],
        [emptied(5, field="email"), EMAILED, LINKED],
    ):
        assert fold(customer, [REGISTERED, *history]).known_by() == set()


# Consent

CONSENT: dict[str, Any] = {"purpose": "newsletter", "source": "website"}


def test_consent_is_given_and_withdrawn_and_each_told_once() -> None:
    yes, no = ConsentGiven(occurred_at=at(), **CONSENT), ConsentWithdrawn(occurred_at=at(5), **CONSENT)
    given(REGISTERED).when(customer.give_consent, **CONSENT, at=at()).then(yes)
    given(REGISTERED, yes).when(customer.give_consent, **CONSENT, at=at()).then_nothing()
    given(REGISTERED, yes).when(customer.withdraw_consent, **CONSENT, at=at(5)).then(no)
    given(REGISTERED, yes, no).when(customer.withdraw_consent, **CONSENT, at=at(5)).then_nothing()
    given(REGISTERED, yes, no).when(customer.give_consent, **CONSENT, at=at(9)).then(
        ConsentGiven(occurred_at=at(9), **CONSENT)
    )


def test_the_consent_of_an_unknown_customer_is_refused() -> None:
    given().when(customer.give_consent, **CONSENT, at=at()).then_refuses(CustomerNotFound)
    given().when(customer.withdraw_consent, **CONSENT, at=at()).then_refuses(CustomerNotFound)


# Merging

KNOWN = fold(customer, [REGISTERED])
MERGED = CustomerMerged(occurred_at=at(40), into=ANN, reason="same")
ERASED = PersonalDataErased(occurred_at=at(60), reason="asked")


def merge(loser_state: Any, survivor_state: Any, **changes: Any) -> Any:
    request = {"loser": ANNA, "survivor": ANN, "reason": "same", "at": at(40)} | changes
    return customer.merge(loser_state, survivor_state, **request)


def test_a_merge_links_the_loser_to_the_survivor_and_the_survivor_to_the_loser() -> None:
    assert merge(KNOWN, KNOWN) == (
        [MERGED],
        [CustomerAbsorbed(occurred_at=at(40), merged=ANNA, reason="same")],
    )


@pytest.mark.parametrize(
    ("loser", "survivor", "request_", "reason"),
    [
        (customer.NEW, KNOWN, {}, CustomerNotFound),
        (KNOWN, customer.NEW, {}, CustomerNotFound),
        (KNOWN, KNOWN, {"survivor": ANNA}, SameCustomer),
        (fold(customer, [REGISTERED, MERGED]), KNOWN, {"survivor": "another"}, AlreadyMerged),
        (KNOWN, fold(customer, [REGISTERED, MERGED]), {}, SurvivorMerged),
        (fold(customer, [REGISTERED, ERASED]), KNOWN, {}, CustomerForgotten),
        (KNOWN, fold(customer, [REGISTERED, ERASED]), {}, CustomerForgotten),
    ],
)
def test_what_cannot_be_merged_is_refused(
    loser: Any, survivor: Any, request_: Any, reason: type[Exception]
) -> None:
    with pytest.raises(reason):
        merge(loser, survivor, **request_)


def test_a_refused_merge_names_the_customer_to_merge_into() -> None:
    with pytest.raises(SurvivorMerged) as refused:
        merge(KNOWN, fold(customer, [REGISTERED, MERGED]), survivor="c")
    assert refused.value.detail == {"customer_id": "c", "into": ANN}


def test_an_unmerge_releases_both_sides() -> None:
    merged = fold(customer, [REGISTERED, MERGED])
    assert customer.unmerge(merged, loser=ANNA, reason="twins", at=at(50)) == (
        [CustomerUnmerged(occurred_at=at(50), out_of=ANN, reason="twins")],
        [CustomerReleased(occurred_at=at(50), unmerged=ANNA, reason="twins")],
    )


def test_a_customer_that_stands_for_itself_is_not_unmerged() -> None:
    with pytest.raises(NotMerged):
        customer.unmerge(KNOWN, loser=ANNA, reason="twins", at=at(50))
    with pytest.raises(CustomerNotFound) as refused:
        customer.unmerge(customer.NEW, loser=ANNA, reason="twins", at=at(50))
    assert refused.value.detail == {"customer_id": ANNA}


def test_a_merge_and_its_undo_within_one_tick_of_the_clock_end_as_asked() -> None:
    loser, survivor = KNOWN, KNOWN
    for _ in range(3):
        [for_loser, for_survivor] = merge(loser, survivor)
        loser, survivor = fold(customer, for_loser, loser), fold(customer, for_survivor, survivor)
        assert loser.merged_into == ANN
        [for_loser, for_survivor] = customer.unmerge(loser, loser=ANNA, reason="twins", at=at(40))
        loser, survivor = fold(customer, for_loser, loser), fold(customer, for_survivor, survivor)
        assert loser.merged_into is None


# Forgetting


def test_a_customer_is_forgotten_once() -> None:
    given(REGISTERED, NAMED).when(customer.erase, reason="asked", at=at(60)).then(ERASED)
    given(REGISTERED, NAMED, ERASED).when(customer.erase, reason="asked", at=at(70)).then_nothing()
    given().when(customer.erase, reason="asked", at=at(60)).then_refuses(CustomerNotFound)


def test_a_customer_told_again_after_being_forgotten_can_be_forgotten_again() -> None:
    back = told("Ann Smith", "shop", 70)
    given(REGISTERED, NAMED, ERASED, back).when(customer.erase, reason="asked", at=at(80)).then(
        replace(ERASED, occurred_at=at(80))
    )


def test_a_state_after_forgetting_holds_nothing_of_the_person() -> None:
    offered = EmailChanged(occurred_at=at(9), source="shop", email="annie@example.org", by_owner=False)
    history = [REGISTERED, NAMED, EMAILED, LINKED, offered, confirmed(10)]
    state = fold(customer, [*history, ERASED])
    assert "nn" not in repr(state.fields) + repr(state.identities) + repr(state.taken)


def test_a_state_folded_after_the_keys_are_gone_is_the_state_that_forgot() -> None:
    country = customer.CountryChanged(occurred_at=at(), source="shop", country="DE")
    history = [REGISTERED, NAMED, EMAILED, LINKED, confirmed(10), country]
    unreadable = [
        REGISTERED,
        replace(NAMED, name=None),
        replace(EMAILED, email=None),
        replace(LINKED, value=None),
        replace(confirmed(10), personal=None),
        country,
    ]
    assert fold(customer, [*history, ERASED]) == fold(customer, [*unreadable, ERASED])
