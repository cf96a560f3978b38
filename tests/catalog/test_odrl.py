"""The Agreement in a certificate: ODRL's information model and words, and what was licensed."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from catalog import odrl
from models.base import unit_of_work
from tests import license_factories


def agreement(database: Path, fields: dict[str, Any], use: dict[str, Any]) -> dict[str, Any]:
    with unit_of_work() as session:
        terms = license_factories.terms(session, version=901, fields=fields)
        values = dict(license_factories.ENDLESS) if use.get("term_days", 1) is None else {}
        made = license_factories.license(session, terms_id=terms.id, **{**values, "use": use})
        found: dict[str, Any] = made.certificate["agreement"]
        return found


# The terms of ODRL 2.2 that a license may use, with their kind, as its vocabulary has them
# (https://www.w3.org/ns/odrl/2/). None of them is deprecated there.
ACTIONS = {
    *("use", "reproduce", "play", "present", "distribute", "derive", "grantUse"),
    *("attribute", "ensureExclusivity"),
}
LEFT_OPERANDS = {"dateTime", "spatial", "media", "count", "purpose"}
OPERATORS = {"eq", "gteq", "lt", "lteq", "isAnyOf", "isNoneOf"}
POLICY = {
    "@context",
    "@type",
    "uid",
    "profile",
    "conflict",
    "permission",
    "prohibition",
    "obligation",
}
RULE = {"action", "target", "assigner", "assignee", "constraint"}
CONSTRAINT = {"leftOperand", "operator", "rightOperand", "unit"}
SETS = {"isAnyOf", "isNoneOf"}


def check_constraint(one: dict[str, Any]) -> None:
    assert set(one) <= CONSTRAINT
    assert one["leftOperand"] in LEFT_OPERANDS
    assert one["operator"] in OPERATORS
    right = one["rightOperand"]
    assert isinstance(right, list) == (one["operator"] in SETS)
    for value in right if isinstance(right, list) else [right]:
        assert set(value) in ({"@id"}, {"@type", "@value"})
    if one["leftOperand"] == "spatial":  # an IRI must be used
        assert all(value["@id"].startswith("http") for value in right)
    if one["leftOperand"] == "dateTime":
        assert right["@type"] == "xsd:dateTime"
        assert datetime.fromisoformat(right["@value"]).tzinfo is not None
    if one["leftOperand"] == "count":
        assert right["@type"] == "xsd:integer"
        assert right["@value"] > 0


def check_rule(rule: dict[str, Any], may_hold: set[str]) -> None:
    """An atomic rule has one target, and one action; the compact form may list actions."""
    assert set(rule) <= RULE | may_hold
    actions = rule["action"] if isinstance(rule["action"], list) else [rule["action"]]
    assert actions
    assert set(actions) <= ACTIONS
    assert rule["target"]["uid"].startswith("urn:reelyard:clip:")
    assert rule["assigner"]["uid"] != rule["assignee"]["uid"]
    for one in rule.get("constraint", []):
        check_constraint(one)


@pytest.mark.parametrize(
    ("fields", "use"),
    [
        ({}, {}),
        ({"attribution": False, "sublicensing": True, "ai_training": True}, {"term_days": None}),
        ({"exclusive": True}, {"territory": ["DE", "FR"], "audience": 10_000_000_000}),
        ({"private": True}, {"without": ["US"], "seats": 5, "projects": 9}),
        ({"watermarked": True, "commercial": False}, {"media": ["film", "broadcast"]}),
    ],
)
def test_the_agreement_is_odrl(database: Path, fields: dict[str, Any], use: dict[str, Any]) -> None:
    """What the information model demands of an Agreement, and its vocabulary's words alone."""
    made = agreement(database, fields, use)
    assert set(made) <= POLICY
    assert made["@context"][0] == "http://www.w3.org/ns/odrl.jsonld"
    assert made["@type"] == "Agreement"
    assert made["profile"] == odrl.PROFILE
    assert made["uid"]
    assert made["conflict"] == "prohibit", "or a prohibition would void the permission it narrows"
    assert made["permission"]
    for rule in made["permission"]:
        check_rule(rule, {"duty"})
        for duty in rule.get("duty", []):
            assert (duty["action"], set(duty)) == ("attribute", {"action", "attributedParty"})
    for rule in made.get("prohibition", []):
        check_rule(rule, set())
    for rule in made.get("obligation", []):
        check_rule(rule, set())
        assert rule["assignee"]["uid"].startswith("urn:reelyard:creator:"), "who owes it"


def test_the_agreement_says_what_the_license_says(database: Path) -> None:
    use = {"media": ["social"], "territory": ["DE", "PL"], "seats": 3, "projects": 2}
    made = agreement(database, {"exclusive": True}, use)
    told = {
        (one["leftOperand"], one["operator"], one.get("unit", {}).get("@id", "")): one[
            "rightOperand"
        ]
        for one in made["permission"][0]["constraint"]
    }
    assert told["spatial", "isAnyOf", ""] == [
        {"@id": "http://cvx.iptc.org/iso3166-1a3/DEU"},
        {"@id": "http://cvx.iptc.org/iso3166-1a3/POL"},
    ]
    assert told["media", "isAnyOf", ""] == [{"@id": "urn:reelyard:medium:social"}]
    assert told["count", "lteq", "urn:reelyard:unit:seat"]["@value"] == 3
    assert told["count", "lteq", "urn:reelyard:unit:project"]["@value"] == 2
    forbidden = [rule["action"] for rule in made["prohibition"]]
    assert forbidden == ["grantUse", "use"]
    assert made["prohibition"][1]["constraint"][0]["rightOperand"] == {"@id": odrl.TRAINING}
    assert made["obligation"][0]["action"] == "ensureExclusivity"
