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
    """Understood, but not to be done as things stand."""

    status = 409
    title = "That was not done"


class RangeRefused(CatalogError):
    status = 416
    title = "This part of the file can't be sent"

    def __init__(self, detail: str, size: int) -> None:
        super().__init__(detail)
        self.size = size
