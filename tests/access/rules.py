"""What each role gets of an object, by where the object's agency stands from Jeju: the rules that the table of addresses uses."""

from __future__ import annotations

from collections.abc import Callable

from tests.roles import ROLES

ANONYMOUS = "anonymous"
# "login" is a redirect to the sign-in page, any other redirect is 302.
ORDER = [ANONYMOUS, *ROLES]

# Where an object's agency stands, seen from Jeju, whose administrator, approver and committee are among the people.
POSITIONS = {
    "own": "KR-49",
    "below": "KR-49-C1",
    "above": "KR",
    "sibling": "KR-11",
    "other": "XX-1",  # of another country: in the sight of system administrators alone
}
_NATION, _JEJU = {"own", "below", "above", "sibling"}, {"own", "below"}
REACH = {
    ANONYMOUS: set(),
    "nobody": set(),
    "administrator": _JEJU,
    "sibling": {"sibling"},
    "above": _NATION,
    "approver": _JEJU,
    "officer": _NATION,
    "committee": _NATION,
    "committee-jeju": _JEJU,
    "sysadmin": set(POSITIONS),
}
ROLE = {title: role for title, (role, _agency) in ROLES.items()}

# (title, position) -> what it gets; anonymous people are asked to sign in before any of these is looked at.
Rule = Callable[[str, str], str]


def rights(administrator: int, approver: int, officer: int, committee: int, sysadmin: int) -> Rule:
    """404 out of sight, else by role."""
    gets = {
        "administrator": administrator,
        "approver": approver,
        "policy_officer": officer,
        "committee_member": committee,
        "sysadmin": sysadmin,
    }

    def rule(title: str, position: str) -> str:
        return str(gets[ROLE[title]]) if position in REACH[title] else "404"  # type: ignore[index]

    return rule


def always(answer: str) -> Rule:
    return lambda title, position: answer


def done(page: Rule) -> Rule:
    """What POST answers where GET shows a form that may be left empty: the act is done."""
    return lambda title, position: page(title, position).replace("200", "302")


#                adm  appr off  com  sys
SEES = rights(200, 200, 200, 200, 200)
EDITS = rights(200, 403, 403, 403, 200)
APPROVES = rights(403, 200, 403, 403, 200)
SETTLES = rights(403, 403, 200, 403, 200)
REFUSES = rights(403, 200, 200, 403, 200)
STARTS = rights(200, 200, 403, 403, 200)
NOTES = rights(200, 200, 200, 403, 200)
NOT_NOW = rights(403, 403, 403, 403, 403)
READS_DRAFT = rights(404, 404, 200, 404, 200)
SENT_THERE = rights(200, 404, 404, 404, 200)
NEVER = always("405")
NOWHERE = always("404")
SIGNED_IN = always("200")

# Whose each object is: the titles among the people; elsewhere somebody who is not among them.
ADMINISTRATORS = {"own": "administrator", "above": "above", "sibling": "sibling"}
COMMITTEES = {"own": "committee-jeju", "above": "committee"}


def owns(title: str, position: str) -> str:
    """What is one administrator's alone."""
    return "200" if ADMINISTRATORS.get(position) == title else "404"


def owns_view(title: str, position: str) -> str:
    return "200" if COMMITTEES.get(position) == title else "404"


def said_it(title: str, position: str) -> str:
    """The author's act on what everybody in sight may read."""
    if position not in REACH[title]:
        return "404"
    return "200" if ADMINISTRATORS.get(position) == title else "403"


def administers(title: str, position: str) -> str:
    """A page of administrators: 403 to others before it says whether the object is there."""
    if ROLE[title] not in ("administrator", "sysadmin"):
        return "403"
    return "200" if position in REACH[title] else "404"


def system(title: str, position: str) -> str:
    return "200" if ROLE[title] == "sysadmin" else "403"


def finds_view(title: str, position: str) -> str:
    """Shared with a committee: theirs, of those above, and the owner's."""
    of_committee = ROLE[title] in ("committee_member", "sysadmin") and position in REACH[title]
    return "302" if of_committee or owns_view(title, position) == "200" else "404"


def stated(title: str, position: str) -> str:
    """The page of an agency: statements name the 17 governments, so theirs is everybody's."""
    return "200" if position in ("own", "sibling") else SEES(title, position)


def runs(title: str, position: str) -> str:
    """A draft round: only those who ask its scope see it."""
    asks = ROLE[title] in ("committee_member", "policy_officer", "sysadmin") and position in REACH[title]
    return "200" if asks else "404"


_ASKED = {  # a round asks its scope and all below
    "own": {"own", "below"},
    "below": {"below"},
    "above": {"above", "own", "below", "sibling"},
    "sibling": {"sibling"},
    "other": {"other"},
}


def sees_round(title: str, position: str) -> str:
    """An open round: those who run it, and whoever sees one that is asked."""
    return "200" if REACH[title] & _ASKED[position] or runs(title, position) == "200" else "404"


def runs_round(title: str, position: str) -> str:
    if runs(title, position) == "200":
        return "200"
    return "403" if sees_round(title, position) == "200" else "404"


def not_any_more(title: str, position: str) -> str:
    return sees_round(title, position).replace("200", "403")
