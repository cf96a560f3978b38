// The timeline of a recording: what each second was worth and why, by pointer, touch and keys.

import { clock, drawLanes, drawSoon, inSight, remembered, zoom } from "./curves.js";
import { seek } from "./player.js";

// What outlives a new drawing of the timeline, when the page learns something.
const kept = { zoom: 1, left: 0, second: undefined, asked: undefined, pinned: false, parts: new Set() };
const answers = new Map();
let line;

function start(place) {
  if (place.dataset.started || !place.querySelector("[data-box]")) return;
  place.dataset.started = "yes";
  const find = (name) => place.querySelector(`[data-${name}]`);
  const names = ["scroll", "content", "range", "cursor", "playhead", "tip", "curve", "shots", "ticks", "lanes", "tools", "parts"];
  line = Object.fromEntries(names.map((name) => [name, find(name)]));
  const { curve, shots, ticks } = line;
  Object.assign(line, {
    place,
    kept,
    labels: find("lane-labels"),
    answer: document.querySelector("[data-answer]"),
    duration: Number(place.dataset.duration),
    whole: { curve: curve.innerHTML, shots: shots.innerHTML, ticks: ticks.innerHTML },
    blocks: [...place.querySelectorAll("[data-block]")].map(block),
  });
  for (const part of [line.range, line.tools, line.parts]) if (part) part.hidden = false;
  byPointer();
  byTouch();
  byKeys();
  byButtons();
  resume();
}

function block(drawn) {
  const [from, to, peak] = ["start", "end", "peak"].map((name) => Number(drawn.dataset[name]));
  return { drawn, id: drawn.dataset.block, peak, holds: (ms) => from <= ms && ms < to };
}

/** As one left it before the timeline was drawn anew, or as the page's address asks. */
function resume() {
  for (const box of line.parts?.querySelectorAll("input") ?? []) box.checked = kept.parts.has(box.value);
  const asked = line.answer?.querySelector("[data-at]")?.dataset.at;
  kept.second ??= asked === undefined ? undefined : Math.floor(Number(asked) / 1000);
  zoom(line, kept.zoom);
  line.scroll.scrollLeft = kept.left;
  if (kept.second === undefined) return;
  kept.pinned = true;
  stand(kept.second * 1000);
}

function told(ms) {
  const { data } = line;
  const score = data?.parts.score?.[Math.floor((ms - data.start_ms) / data.step_ms)];
  return clock(ms / 1000) + (score === undefined ? "" : `, score ${score.toFixed(2)}`);
}

function put(mark, ms) {
  mark.hidden = false;
  mark.style.left = `${(ms / line.duration) * 100}%`;
}

/** The cursor, the blocks under it and their rows in the table. */
function stand(ms) {
  const { blocks, range, cursor } = line;
  const on = blocks.filter((one) => one.holds(ms));
  put(cursor, ms);
  for (const one of blocks) one.drawn.classList.toggle("block-on", on.includes(one));
  for (const row of document.querySelectorAll(".moments tbody tr")) {
    row.classList.toggle("row-on", on.some((one) => row.id === `moment-${one.id}`));
  }
  kept.second = Math.floor(ms / 1000);
  range.value = kept.second;
  range.setAttribute("aria-valuetext", told(ms));
}

function bringIntoSight(ms) {
  const { scroll, content, duration } = line;
  const x = (ms / duration) * content.offsetWidth;
  const room = scroll.clientWidth * 0.1;
  const [from, to] = inSight(line).map((edge) => (edge / duration) * content.offsetWidth);
  if (x < from + room) scroll.scrollLeft = x - room;
  else if (x > to - room) scroll.scrollLeft = x - scroll.clientWidth + room;
}

/** The server answers in sentences; time and score are shown at once. */
function show(ms, { follow = true } = {}) {
  const at = Math.min(Math.max(ms, 0), line.duration - 1);
  stand(at);
  if (follow) bringIntoSight(at);
  clearTimeout(line.soon);
  line.soon = setTimeout(() => ask(String(kept.second)), 90);
}

async function ask(at) {
  const { place, answer } = line;
  kept.asked = at;
  const address = `${place.dataset.why}?at=${encodeURIComponent(at)}`;
  const get = () => fetch(address, { headers: { "HX-Request": "true" } }).then((got) => got.text());
  const text = await remembered(answers, address, get, 300);
  if (kept.asked !== at || text === undefined) return;
  const held = answer.contains(document.activeElement);
  answer.innerHTML = text;
  window.htmx?.process(answer);
  document.dispatchEvent(new Event("desk:new"));
  const said = document.querySelector("#said");
  if (held) (said.querySelector("button") ?? said).focus({ preventScroll: true });
  return Number(answer.querySelector("[data-at]")?.dataset.at);
}

/** `at` as somebody wrote it: 88 or 1:28. */
async function askAbout(at) {
  kept.pinned = true;
  const ms = await ask(at);
  if (!Number.isFinite(ms)) return;
  stand(ms);
  bringIntoSight(ms);
}

function under(event) {
  const box = line.content.getBoundingClientRect();
  return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * (line.duration - 1);
}

/** Pointing asks; a click holds the answer, so that one can get at its buttons. */
function byPointer() {
  const { content, scroll, tip, range } = line;
  content.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse") return;
    const box = scroll.getBoundingClientRect();
    tip.hidden = false;
    tip.textContent = told(under(event));
    tip.style.left = `${Math.min(Math.max(event.clientX - box.left, 60), box.width - 60)}px`;
    if (!kept.pinned) show(under(event), { follow: false });
  });
  content.addEventListener("pointerleave", () => { tip.hidden = true; });
  content.addEventListener("click", (event) => {
    kept.pinned = true;
    show(under(event), { follow: false });
    range.focus({ preventScroll: true });
  });
  content.addEventListener("dblclick", (event) => seek(under(event)));
  scroll.addEventListener("scroll", () => drawSoon(line), { passive: true });
  scroll.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(line, kept.zoom * Math.exp(-event.deltaY / 200), under(event));
  }, { passive: false });
}

/** One finger scrolls as anywhere; two zoom. */
function byTouch() {
  const { content } = line;
  const fingers = new Map();
  const spread = () => Math.abs([...fingers.values()].reduce((a, b) => a - b)) || 1;
  content.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") fingers.set(event.pointerId, event.clientX);
  });
  content.addEventListener("pointermove", (event) => {
    if (fingers.size !== 2 || !fingers.has(event.pointerId)) return;
    const before = spread();
    fingers.set(event.pointerId, event.clientX);
    zoom(line, (kept.zoom * spread()) / before, under(event));
  });
  for (const name of ["pointerup", "pointercancel"]) {
    content.addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
}

function byKeys() {
  const { range } = line;
  const here = () => kept.second * 1000;
  const keys = {
    "+": () => zoom(line, kept.zoom * 2, here()),
    "=": () => zoom(line, kept.zoom * 2, here()),
    "-": () => zoom(line, kept.zoom / 2, here()),
    0: () => zoom(line, 1),
    Enter: () => seek(here()),
    " ": () => seek(here()),
  };
  range.addEventListener("input", () => {
    kept.pinned = true;
    show(Number(range.value) * 1000);
  });
  range.addEventListener("focus", () => {
    if (kept.asked === undefined) show(Number(range.value) * 1000, { follow: false });
  });
  range.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}

function byButtons() {
  line.tools.addEventListener("click", (event) => {
    const { zoom: way, step } = event.target.closest("button")?.dataset ?? {};
    if (way) zoom(line, { 1: kept.zoom * 2, "-1": kept.zoom / 2 }[way] ?? 1);
    if (step) stepTo(Number(step));
  });
  line.parts?.addEventListener("change", ({ target }) => {
    kept.parts[target.checked ? "add" : "delete"](target.value);
    if (line.data) drawLanes(line);
  });
}

/** To the moment before (-1) or the next one (1). */
function stepTo(way) {
  const now = (kept.second ?? -1) * 1000;
  const sorted = [...line.blocks].sort((a, b) => a.peak - b.peak);
  const next = way > 0 ? sorted.find((one) => one.peak >= now + 1000) : sorted.findLast((one) => one.peak < now);
  kept.pinned = true;
  if (next) show(next.peak);
}

const all = () => document.querySelectorAll("[data-timeline]").forEach(start);

document.addEventListener("htmx:after:swap", (event) => {
  const polled = event.target.id === "progress";
  const redrawn = document.querySelector("[data-timeline]:not([data-started])") !== null;
  const lost = kept.focused && document.activeElement === document.body;
  all();
  if (lost) line?.range.focus({ preventScroll: true });
  // What was answered may have changed: a clip was made of it, or taken back. Nothing is taken
  // away from under somebody who writes there.
  const busy = polled && line?.answer?.contains(document.activeElement);
  if (!redrawn || busy) return;
  answers.clear();
  if (kept.asked !== undefined) askAbout(kept.asked);
});
document.addEventListener("focusin", (event) => { kept.focused = event.target.matches?.("[data-range]"); });
document.addEventListener("timeupdate", (event) => {
  if (line && event.target.matches?.("[data-player]")) put(line.playhead, event.target.currentTime * 1000);
}, true);
document.addEventListener("click", (event) => {
  const on = event.target.closest("[data-ask]");
  if (!on || !line) return;
  event.preventDefault();
  askAbout(String(Number(on.dataset.ask) / 1000));
  line.place.scrollIntoView({ block: "start" });
  line.range.focus({ preventScroll: true });
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-ask-form]") || !line) return;
  event.preventDefault();
  askAbout(event.target.elements.at.value.trim());
});
all();
