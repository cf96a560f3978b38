"""The picture at any time: a camera's view, those who move, and what is laid over."""

from workers.demo import crowd, figures, overlays, paint, props, rally
from workers.demo.camera import CAMERAS, Camera
from workers.demo.paint import Picture, ease
from workers.demo.story import CLARA, DISTRACTORS, DURATION_MS, OSCAR, SHOTS, Shot

_SLOW = 0.5
"""A replay's speed."""
_NOTES = {CLARA: "CHAMPION IN BLUE", OSCAR: "CHALLENGER IN RED"}
_MACHINE = next(noise for noise in DISTRACTORS if noise.kind == "machine")


def shot_at(ms: float) -> Shot:
    return next(shot for shot in reversed(SHOTS) if shot.start_ms <= ms)


def frame(ms: float) -> Picture:
    """1280x720, BGR."""
    shot = shot_at(ms)
    if shot.view == "board":
        return overlays.board(ms, shot.start_ms, shot.end_ms)
    if shot.view in (CLARA, OSCAR):
        picture = _close(shot, ms)
    elif shot.view == "replay":
        picture = _replay(shot, ms)
    else:
        picture = _court(shot.view, ms)
    _lay_over(picture, shot, ms)
    return picture


def _court(view: str, ms: float) -> Picture:
    picture = crowd.with_crowd(view, ms).copy()
    if view == "crowd":
        return picture
    _play(picture, CAMERAS[view], ms)
    if _MACHINE.start_ms - 500 < ms < _MACHINE.end_ms:
        part = (ms - _MACHINE.start_ms) / (_MACHINE.end_ms - _MACHINE.start_ms)
        props.draw_sweeper(picture, CAMERAS[view], -11.5 + 23 * part, -1.9, ms)
    return picture


def _play(picture: Picture, camera: Camera, ms: float) -> None:
    """Far ones first."""
    players = sorted((rally.player(who, ms) for who in (CLARA, OSCAR)), key=lambda who: -who.y)
    now = rally.ball(ms)
    shown = False
    for player in players:
        if now is not None and not shown and now.y > player.y:
            props.draw_ball(picture, camera, ms)
            shown = True
        figures.draw_player(picture, camera, player, ms)
    if now is not None and not shown:
        props.draw_ball(picture, camera, ms)


def _close(shot: Shot, ms: float) -> Picture:
    """A player before the blurred stands, the lens drifting a little."""
    who = shot.view
    picture = crowd.behind_player(who, ms).copy()
    part = (ms - shot.start_ms) / (shot.end_ms - shot.start_ms)
    drift = 36 * (ease(part) - 0.5) * -rally.side(who)
    x = 640 + 90 * rally.side(who) + drift
    player = rally.player(who, ms)
    foot = (x, (905 if player.mood == "joy" else 872) + 10 * part)
    figures.figure(picture, foot, 415 + 14 * part, player, ms, 0.08)
    return picture


def _replay(shot: Shot, ms: float) -> Picture:
    """The last goal once more, slower, from beside the goal that it fell in."""
    goal = overlays.last_goal(ms)
    assert goal is not None
    length = shot.end_ms - shot.start_ms
    then = goal.ball_in_ms + 350 + (ms - shot.start_ms - length * 0.72) * _SLOW
    view = "replay-right" if goal.scorer == CLARA else "replay-left"
    picture = crowd.with_crowd(view, then).copy()
    _play(picture, CAMERAS[view], then)
    overlays.replay_tag(picture, ms)
    return picture


def _lay_over(picture: Picture, shot: Shot, ms: float) -> None:
    goal = overlays.last_goal(ms)
    if goal and shot.view != "replay" and ms < goal.cheer_end_ms + 600:
        _celebrate(picture, shot, ms)
    since, left = (ms - shot.start_ms) / 1000, (shot.end_ms - ms) / 1000
    if shot.start_ms == 0:
        overlays.title(
            picture, "HARBOUR CUP", "CHAMPIONSHIP FINAL", since - 0.6, left - 0.3, paint.GOLD
        )
    elif ms < 15_000 and shot.view in _NOTES:
        overlays.name_plate(picture, shot.view, _NOTES[shot.view], since - 0.4, left - 0.2)
    elif shot.end_ms == DURATION_MS:
        overlays.confetti(picture, CLARA, since + 8, left)
        overlays.title(picture, "CHAMPION", "CLARA WINS 3-2", since - 0.8, left - 1, paint.BLUE)
    if ms > 5000:
        overlays.score_label(picture, ms)
    overlays.closing(picture, ms)


def _celebrate(picture: Picture, shot: Shot, ms: float) -> None:
    goal = overlays.last_goal(ms)
    assert goal is not None
    since, left = (ms - goal.cheer_start_ms) / 1000, (goal.cheer_end_ms + 600 - ms) / 1000
    if shot.view in ("wide", "crowd"):
        overlays.flashes(picture, ms, crowd.excitement(ms))
    if since > 0 and shot.end_ms < DURATION_MS:
        overlays.confetti(picture, goal.scorer, since, left)
    if shot.view != "crowd":
        overlays.goal_banner(picture, goal, ms)
