"""Every cookie of this house. None is set before somebody does what needs it; a test looks at what
the pages set (tests/e2e/test_first_visit.py, tests/catalog/test_privacy_pages.py).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cookie:
    name: str
    when: str
    why: str
    until: str


COOKIES = (
    Cookie(
        "sign_in",
        "When you sign in",
        "So that the next page knows you. Scripts can't read it.",
        "30 days, or until you sign out",
    ),
    Cookie(
        "guest",
        "When you open the sign-in form, ask for a price, fill a cart or keep a clip without an "
        "account",
        "So that what you began is still there on the next page. Scripts can't read it.",
        "30 days, or until you sign in",
    ),
    Cookie(
        "offers",
        "When you want no offers at all and are not signed in",
        "So that no page shows you one. It says that and nothing else. Scripts can't read it.",
        "A year, or until you want offers again",
    ),
    Cookie(
        "theme",
        "When you choose light or dark",
        "So that pages stay so.",
        "A year",
    ),
)
