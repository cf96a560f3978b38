// The timeline of a recording: what each second was worth and why, by pointer, touch and keys.

import { seek } from "./player.js";

const curves = new Map();

const clock = (s) => {
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(Math.floor(s % 60))}` : `${m}:${two(Math.floor(s % 60))}`;
};

async function curve(address) {
  if (!curves.has(address)) {
    curves.set(address, fetch(address).then((answer) => answer.json()).catch(() => ({ parts: {} })));
  }
  return curves.get(address);
}

const plain = (name) => name.charAt(0).toUpperCase() + name.slice(1);

function start(place) {
  if (place.dataset.started) return;
  place.dataset.started = "yes";
  const find = (selector) => place.querySelector(selector);
  const [box, range, readout] = [find(".timeline-box"), find("[data-range]"), find("[data-readout]")];
  const [cursor, playhead, steps] = [find("[data-cursor]"), find("[data-playhead]"), find("[data-steps]")];
  const duration = Number(place.dataset.duration);
  const blocks = [...place.querySelectorAll("[data-block]")].map((shape) => ({
    shape,
    number: shape.dataset.block,
    start: Number(shape.dataset.start),
    end: Number(shape.dataset.end),
    peak: Number(shape.dataset.peak),
    text: shape.querySelector("title").textContent,
  }));
  for (const part of [range, readout, steps]) part.hidden = false;
  readout.textContent = "Point at the timeline, or move along it with the arrow keys, to read what a moment was worth.";

  const put = (line, ms) => {
    const x = `${(ms / duration) * 100}%`;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.setAttribute("visibility", "visible");
  };

  const show = async (ms) => {
    const second = Math.floor(ms / 1000);
    put(cursor, ms);
    const { parts } = await curve(place.dataset.timeline);
    const here = blocks.filter((block) => block.start <= ms && ms < block.end);
    for (const block of blocks) block.shape.classList.toggle("block-on", here.includes(block));
    for (const row of document.querySelectorAll(".moments tbody tr")) {
      row.classList.toggle("row-on", here.some((block) => row.id === `moment-${block.number}`));
    }
    const values = Object.entries(parts).map(([name, curve]) => [name, curve[second] ?? 0]);
    const heard = values.filter(([name, value]) => name !== "score" && value >= 0.05).sort((a, b) => b[1] - a[1]);
    const score = parts.score?.[second];
    const first = `${clock(second)}${score === undefined ? "" : `, score ${score.toFixed(2)}`}`;
    const rest = heard.map(([name, value]) => `${plain(name)} ${value.toFixed(2)}`);
    readout.replaceChildren(
      line([first, ...rest.length ? rest : ["Nothing stands out"]]),
      ...here.map((block) => Object.assign(document.createElement("p"), { textContent: `Moment ${block.text}` })),
    );
    range.value = second;
    range.setAttribute("aria-valuetext", [first, ...rest, ...here.map((block) => `Moment ${block.text}`)].join("; "));
  };

  const at = (event) => {
    const area = box.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - area.left) / area.width, 0), 1) * (duration - 1);
  };
  box.addEventListener("pointermove", (event) => show(at(event)));
  box.addEventListener("pointerleave", () => cursor.setAttribute("visibility", "hidden"));
  box.addEventListener("click", (event) => {
    show(at(event));
    seek(at(event));
    range.focus({ preventScroll: true });
  });
  range.addEventListener("input", () => show(Number(range.value) * 1000));
  range.addEventListener("focus", () => show(Number(range.value) * 1000));
  range.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      seek(Number(range.value) * 1000);
    }
  });
  steps.addEventListener("click", (event) => {
    const way = Number(event.target.closest("[data-step]")?.dataset.step ?? 0);
    const now = Number(range.value) * 1000;
    const sorted = [...blocks].sort((a, b) => a.peak - b.peak);
    const next = way > 0 ? sorted.find((b) => b.peak >= now + 1000) : sorted.findLast((b) => b.peak < now);
    if (way && next) show(next.peak);
  });
  document.addEventListener("timeupdate", (event) => {
    if (event.target.matches?.("[data-player]")) put(playhead, event.target.currentTime * 1000);
  }, true);
}

function line(texts) {
  const made = document.createElement("p");
  made.className = "readout-parts";
  made.append(...texts.map((text) => {
    const [, name, value] = /^(.*?) ?([\d.]+)?$/.exec(text);
    const part = document.createElement("span");
    part.append(`${name} `, Object.assign(document.createElement("b"), { textContent: value ?? "" }));
    return part;
  }));
  return made;
}

const all = () => document.querySelectorAll("[data-timeline]").forEach(start);
document.addEventListener("htmx:after:swap", all);
all();
