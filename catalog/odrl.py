"""A license as an ODRL 2.2 Agreement in the RightsML profile, for programs of others.

Compact form: a rule may name several actions. Terms of ODRL's vocabulary only; what it has no word
for (which medium, a seat, training of AI) is a URN of ours as an operand.
"""

from typing import Any

import pycountry

from catalog.territories import WORLD

CONTEXT: list[Any] = [
    "http://www.w3.org/ns/odrl.jsonld",
    {"schema": "http://schema.org/", "xsd": "http://www.w3.org/2001/XMLSchema#"},
]
PROFILE = "https://iptc.org/std/RightsML/odrl-profile/"
COUNTRY = "http://cvx.iptc.org/iso3166-1a3/"
PRIVATE = ["reproduce", "play"]
PUBLIC = ["reproduce", "play", "present", "distribute", "derive"]
TRAINING = "urn:reelyard:purpose:ai-training"
Rule = dict[str, Any]


def agreement(license_id: str, said: dict[str, Any]) -> dict[str, Any]:
    """`said`: the rest of the certificate; see catalog.certificates."""
    parties = _parties(license_id, said)
    target = {
        "@type": "Asset",
        "uid": f"urn:reelyard:clip:{said['clip']['id']}",
        "schema:name": said["clip"]["title"],
        "schema:sha256": said["clip"]["master_sha256"],
    }
    both = parties | {"target": target}
    made = {
        "@context": CONTEXT,
        "@type": "Agreement",
        "uid": f"urn:reelyard:license:{license_id}",
        "profile": PROFILE,
        "conflict": "prohibit",
        "permission": [both | _permitted(said, parties)],
        "prohibition": [both | one for one in _prohibited(said)],
    }
    if said["allows"]["exclusive"]:
        made["obligation"] = [_exclusivity(parties, target, said)]
    return {name: value for name, value in made.items() if value != []}


def _parties(license_id: str, said: dict[str, Any]) -> dict[str, Any]:
    holder = said["rights_holder"]
    return {
        "assigner": {
            "@type": "Party",
            "uid": f"urn:reelyard:creator:{holder['id']}",
            "schema:name": holder["name"],
        },
        "assignee": {
            "@type": "Party",
            "uid": f"urn:reelyard:license:{license_id}:licensee",
            "schema:name": said["licensee"],
        },
    }


def _permitted(said: dict[str, Any], parties: dict[str, Any]) -> Rule:
    allows = said["allows"]
    quiet = allows["private"] or allows["watermarked"]
    rule: Rule = {
        "action": PRIVATE if quiet else PUBLIC,
        "constraint": [*_when(said), *_where(said["use"]), *_how_much(said["use"])],
    }
    if allows["attribution"]:
        rule["duty"] = [{"action": "attribute", "attributedParty": parties["assigner"]}]
    return rule


def _prohibited(said: dict[str, Any]) -> list[Rule]:
    rules: list[Rule] = []
    if not said["allows"]["sublicensing"]:
        rules.append({"action": "grantUse"})
    if not said["allows"]["ai_training"]:
        rules.append({"action": "use", "constraint": [_is("purpose", "eq", _iri(TRAINING))]})
    return rules


def _exclusivity(parties: dict[str, Any], target: dict[str, Any], said: dict[str, Any]) -> Rule:
    """A duty is its assignee's: here the rights holder owes it to the licensee."""
    return {
        "action": "ensureExclusivity",
        "assigner": parties["assignee"],
        "assignee": parties["assigner"],
        "target": target,
        "constraint": _when(said),
    }


def _when(said: dict[str, Any]) -> list[Rule]:
    begins = [_is("dateTime", "gteq", _date(said["starts"]))]
    return begins + ([_is("dateTime", "lt", _date(said["ends"]))] if said["ends"] else [])


def _where(use: dict[str, Any]) -> list[Rule]:
    media = [_iri(f"urn:reelyard:medium:{name}") for name in use["media"]]
    found = [_is("media", "isAnyOf", media)]
    if WORLD not in use["territory"]:
        found.append(_is("spatial", "isAnyOf", [_country(code) for code in use["territory"]]))
    if use["without"]:
        found.append(_is("spatial", "isNoneOf", [_country(code) for code in use["without"]]))
    return found


def _how_much(use: dict[str, Any]) -> list[Rule]:
    units = {"projects": "project", "seats": "seat", "audience": "viewer"}
    return [
        _is("count", "lteq", {"@type": "xsd:integer", "@value": use[name]})
        | {"unit": _iri(f"urn:reelyard:unit:{unit}")}
        for name, unit in units.items()
        if use[name] is not None
    ]


def _is(left: str, operator: str, right: Any) -> Rule:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def _iri(address: str) -> dict[str, str]:
    return {"@id": address}


def _date(moment: str) -> dict[str, str]:
    return {"@type": "xsd:dateTime", "@value": moment}


def _country(code: str) -> dict[str, str]:
    found = pycountry.countries.get(alpha_2=code)
    return _iri(f"{COUNTRY}{found.alpha_3}" if found else f"urn:reelyard:country:{code}")
