"""English words that need a thought of their own; in other languages none of these apply."""


def _of(text: str) -> frozenset[str]:
    return frozenset(text.split())


LEANS_ON_NEXT = _of("""
    a an the of to in on at for from with by and or but if as that which who is are was were my your
    his her its our their this these those very not about into over than like when where how what
    because i you he she we they it's i'm you're we're they're
""")
"""No line and no title ends after one of these."""

FILLERS = _of("""
    uh um er erm ah oh eh hmm mm mhm huh well so and but or like okay ok yeah yes yep right now then
    also anyway actually basically literally just because cause
""")
"""No title begins or ends with one of these."""

EMPTY = FILLERS | _of("""
    thing things stuff lot lots bit kind sort way gonna wanna gotta really very maybe thank thanks
    please hello welcome guys guy everyone everybody somebody today let lets going come coming good
    great nice back time times day people make makes made take takes took get gets got know think
    mean want look looking see say says said tell talk talking thought one two three four five six
    seven eight nine ten hundred thousand don didn doesn isn wasn aren won can couldn wouldn shouldn
    it's that's there's he's she's what's we're they're you're i'm i've i'll
""")
"""No tag."""

PALE = _of("left right first second last next new old big little final whole")
"""A tag only before another word."""
