"""The version, as the changelog says it."""

from importlib.metadata import version

VERSION = version("reelyard")
