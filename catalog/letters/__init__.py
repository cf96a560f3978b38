"""Letters: mails that somebody wishes to get. Service mails are catalog.mail alone."""
