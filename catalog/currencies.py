"""What the smallest unit of a currency is. Amounts are cents throughout, also of those that have
none: a hundred of them are the unit then.
"""

NO_CENTS = {
    *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
}
"""Those that Stripe counts in whole units."""


def unit_cents(currency: str) -> int:
    return 100 if currency in NO_CENTS else 1
