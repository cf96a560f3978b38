"""An error answers two questions: may the work be tried again, and may the user read the text."""


class MediaError(Exception):
    """The text is for the user: what is wrong and what to do. `retry`: another try may succeed."""

    retry = True


class Refused(MediaError):
    """The input can't be processed, now or later: the text says why and what would help."""

    retry = False


class ChildFailed(MediaError):
    """The media child died, ran out of its limits, or raised; the log has the details."""

    def __init__(self, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.retry = retry
