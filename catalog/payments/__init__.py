"""Payments: processors, and the ledger of what they told."""
