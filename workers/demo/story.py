"""What happens in the demo's match, and when: all that draws or sounds reads it from here."""

from dataclasses import dataclass

FPS = 25
FRAME_MS = 1000 // FPS
DURATION_MS = 180_000
CHEER_DELAY_MS = 240
"""A crowd needs a moment to see that the ball is in."""


@dataclass(frozen=True, slots=True)
class Goal:
    """start_ms..end_ms is the moment worth a clip: the build-up, the goal and its cheer."""

    start_ms: int
    end_ms: int
    ball_in_ms: int
    cheer_start_ms: int
    cheer_end_ms: int
    scorer: str
    score: str
    """After it, for example "2-1", Clara's goals first."""


@dataclass(frozen=True, slots=True)
class Distractor:
    """Loud, and no highlight. `kind` is one of machine, announcement, jingle, horn."""

    start_ms: int
    end_ms: int
    kind: str


@dataclass(frozen=True, slots=True)
class DemoTruth:
    duration_ms: int
    goals: tuple[Goal, ...]
    distractors: tuple[Distractor, ...]
    cuts_ms: tuple[int, ...]
    """Times of the first frame after each camera cut."""


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence or two of speech. Moods are calm, excited and announcer."""

    key: str
    at_ms: int
    mood: str
    text: str


@dataclass(frozen=True, slots=True)
class Shot:
    start_ms: int
    end_ms: int
    view: str


@dataclass(frozen=True, slots=True)
class Rally:
    """Strokes from start_ms on; with a scorer it ends with the ball in the goal at end_ms."""

    start_ms: int
    end_ms: int
    scorer: str
    seed: int


CLARA, OSCAR = "clara", "oscar"


def _goal(ball_in_ms: int, cheer_ms: int, scorer: str, score: str) -> Goal:
    start = ball_in_ms + CHEER_DELAY_MS
    return Goal(
        ball_in_ms - 6000, start + cheer_ms, ball_in_ms, start, start + cheer_ms, scorer, score
    )


GOALS = (
    _goal(26_000, 6300, CLARA, "1-0"),
    _goal(61_000, 6300, OSCAR, "1-1"),
    _goal(98_000, 6500, CLARA, "2-1"),
    _goal(133_000, 6500, OSCAR, "2-2"),
    _goal(166_800, 7600, CLARA, "3-2"),
)

DISTRACTORS = (
    Distractor(41_000, 50_600, "machine"),
    Distractor(72_600, 78_800, "announcement"),
    Distractor(79_400, 87_600, "jingle"),
    Distractor(112_400, 113_700, "horn"),
    Distractor(114_200, 115_900, "horn"),
)

RALLIES = (
    Rally(15_000, 26_000, CLARA, 3),
    Rally(54_200, 61_000, OSCAR, 8),
    Rally(90_400, 98_000, CLARA, 5),
    Rally(119_400, 133_000, OSCAR, 21),
    Rally(152_600, 166_800, CLARA, 13),
)

_SHOTS = (
    (0, "wide"), (6000, "clara"), (10_400, "oscar"), (14_200, "wide"),
    (27_400, "crowd"), (29_600, "clara"), (32_600, "replay"), (37_400, "wide"),
    (50_800, "oscar"), (53_600, "wide"), (56_000, "overhead"), (58_600, "wide"),
    (62_400, "crowd"), (64_600, "oscar"), (67_600, "replay"), (72_000, "wide"),
    (79_200, "board"), (88_000, "wide"), (92_400, "overhead"), (95_200, "wide"),
    (99_400, "crowd"), (101_600, "clara"), (104_800, "replay"), (109_000, "wide"),
    (112_000, "crowd"), (116_200, "oscar"), (119_000, "wide"), (123_600, "overhead"),
    (128_400, "wide"), (134_400, "crowd"), (136_800, "oscar"), (140_000, "replay"),
    (144_800, "wide"), (148_800, "clara"), (152_000, "wide"), (155_600, "overhead"),
    (161_000, "wide"), (168_200, "crowd"), (170_600, "clara"), (174_000, "wide"),
)  # fmt: skip


def _shots() -> tuple[Shot, ...]:
    ends = [start for start, _ in _SHOTS[1:]] + [DURATION_MS]
    return tuple(Shot(start, end, view) for (start, view), end in zip(_SHOTS, ends, strict=True))


SHOTS = _shots()

LINES = (
    Line("welcome", 1400, "calm", "Good evening, and welcome to the championship final."),
    Line("clara", 6200, "calm", "Clara plays in blue. She won the championship last year."),
    Line("oscar", 10_600, "calm", "Her opponent tonight is Oscar, the young challenger in red."),
    Line("start", 15_800, "calm", "A quiet start. Both players take their time."),
    Line("corner", 20_000, "calm", "Clara moves forward. She has seen the open corner."),
    Line("goal-1", 24_150, "excited", "A backhand from Clara, and it is a goal!"),
    Line(
        "replay-1",
        32_300,
        "calm",
        "What a shot! Clara scores with a perfect backhand, right into the corner.",
    ),
    Line("break", 37_700, "calm", "A short break now, while the machine cleans the court."),
    Line("answer", 51_000, "calm", "Oscar is back on the court, and he needs an answer."),
    Line("fast", 55_100, "calm", "Oscar plays very fast now. Clara is out of position."),
    Line("goal-2", 59_300, "excited", "A smash from Oscar, and it is a goal!"),
    Line(
        "replay-2",
        67_300,
        "calm",
        "Look at the speed of that smash. Goal for the red player, one goal each.",
    ),
    Line(
        "seats",
        73_000,
        "announcer",
        "Ladies and gentlemen, please return to your seats."
        " The second half will start in a few minutes.",
    ),
    Line("second", 88_200, "calm", "Welcome back to the second half of the championship final."),
    Line("attack", 92_000, "calm", "The champion attacks again. Oscar can only defend."),
    Line("goal-3", 96_250, "excited", "A forehand through the middle. What a goal!"),
    Line(
        "replay-3",
        104_400,
        "calm",
        "Clara takes the lead in this final. She waited for the perfect moment.",
    ),
    Line("quiet", 116_400, "calm", "The crowd is quiet. Oscar looks very calm before this rally."),
    Line("pressure", 127_400, "calm", "Oscar is under pressure, but he changes the rhythm."),
    Line("goal-4", 131_050, "excited", "A brave volley from Oscar, and it is a goal!"),
    Line(
        "replay-4",
        139_700,
        "calm",
        "What a goal. The young challenger is back in the match, two goals each.",
    ),
    Line("next", 148_900, "calm", "The next goal wins the championship."),
    Line("long", 161_000, "calm", "This is the match point. It is a very long rally."),
    Line("goal-5", 164_600, "excited", "What a shot! Clara wins the championship!"),
    Line(
        "night",
        174_300,
        "calm",
        "Three goals to two. What a wonderful final. Thank you for watching.",
    ),
)


def truth() -> DemoTruth:
    """What is in the recording, known without making it."""
    cuts = tuple(shot.start_ms for shot in SHOTS[1:])
    return DemoTruth(DURATION_MS, GOALS, DISTRACTORS, cuts)
