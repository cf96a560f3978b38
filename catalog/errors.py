"""What a visitor may be told: the status, what happened, what to do."""


class CatalogError(Exception):
    """Its text is for the visitor."""

    status = 400
    title = "This request can't be answered"


class NotFound(CatalogError):
    status = 404
    title = "There is no such page"


class BadRequest(CatalogError):
    status = 400
    title = "This address can't be read"


class Refusal(CatalogError):
    """Understood, but not to be done as things stand. `code` and `facts` are for programs."""

    status = 409
    title = "That was not done"

    def __init__(self, detail: str, code: str = "", **facts: object) -> None:
        super().__init__(detail)
        self.code, self.facts = code, facts


class SignInNeeded(CatalogError):
    """A page leads to the sign-in form and back; a program gets a 401."""

    status = 401
    title = "Sign in first"


class ScopeNeeded(CatalogError):
    """Told to a token alone: a browser may do all that its account may."""

    status = 403
    title = "This token may not do that"


class TooMany(CatalogError):
    status = 429
    title = "That was too often"

    def __init__(self, detail: str, retry_s: int) -> None:
        super().__init__(detail)
        self.retry_s = retry_s


class Damaged(CatalogError):
    status = 503
    title = "This file is being repaired"


class RangeRefused(CatalogError):
    status = 416
    title = "This part of the file can't be sent"

    def __init__(self, detail: str, size: int) -> None:
        super().__init__(detail)
        self.size = size
