"""Offers: small things to buy at fitting moments, with their reason, and how far they help."""
