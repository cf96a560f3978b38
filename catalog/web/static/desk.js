// The desk's forms: edges that move by buttons, playing from an edge, where the focus goes.

import { player, seek, stopAt } from "./player.js";

function parsed(text) {
  const exact = /^\s*(\d+)\s*ms\s*$/.exec(text);
  if (exact) return Number(exact[1]);
  const found = /^\s*(?:(?:(\d+):)?(\d+):)?(\d+)(?:[.,](\d+))?\s*s?\s*$/.exec(text);
  if (!found) return NaN;
  const [, h = 0, m = 0, s, part = 0] = found;
  return ((Number(h) * 60 + Number(m)) * 60 + Number(s)) * 1000 + Math.round(Number(`0.${part}`) * 1000);
}

function written(ms) {
  const [h, m, s] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60];
  const two = (n) => String(n).padStart(2, "0");
  const rest = ms % 1000 ? `.${String(ms % 1000).padStart(3, "0").replace(/0+$/, "")}` : "";
  return `${h ? `${h}:${two(m)}` : m}:${two(s)}${rest}`;
}

const field = (form, name) => form.elements.namedItem(name);

function length(form) {
  const ms = parsed(field(form, "end").value) - parsed(field(form, "start").value);
  form.querySelector("[data-length]").textContent = ms > 0 ? `${(ms / 1000).toFixed(1)} s` : "";
}

function nudge(button) {
  const at = button.closest("[data-edge]").querySelector("input");
  const ms = parsed(at.value);
  if (!Number.isFinite(ms)) return at.focus();
  const last = Number(document.querySelector("[data-duration]")?.dataset.duration ?? Infinity);
  at.value = written(Math.min(Math.max(ms + Number(button.dataset.nudge), 0), last));
  length(button.form);
}

/** From the start on, or the two seconds that lead to the end. */
async function playEdge(button) {
  const [start, end] = ["start", "end"].map((name) => parsed(field(button.form, name).value));
  const before = button.dataset.playEdge === "end";
  await seek(before ? Math.max(start, end - 2000) : start);
  stopAt(end);
}

function show() {
  for (const buttons of document.querySelectorAll("[data-nudges]")) buttons.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.nudge) nudge(button);
  if (button?.dataset.playEdge) playEdge(button);
});
document.addEventListener("input", (event) => {
  if (event.target.form?.matches("[data-edges]")) length(event.target.form);
});
document.addEventListener("desk:new", show);
document.addEventListener("htmx:after:swap", (event) => {
  show();
  // The button that was pressed may be gone; its undo is where one goes on.
  if (event.target.id !== "progress" && document.activeElement === document.body) {
    (document.querySelector("#said button") ?? document.querySelector("#said")).focus({ preventScroll: true });
  }
});
if (!player()) for (const button of document.querySelectorAll("[data-play-edge]")) button.hidden = true;
show();
