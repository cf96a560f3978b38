// The drawing of a timeline: zoomed by making it wider than its box, drawn finer where one looks.

const SVG = "http://www.w3.org/2000/svg";
const CLOSEST_MS = 20_000;
const WIDEST = 100_000; // CSS px; some way above it Chromium paints nothing
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
const MOST = 1200;
const LANE = 34;
const fetched = new Map();

const two = (n) => String(n).padStart(2, "0");

export function clock(s) {
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return h ? `${h}:${two(m)}:${two(Math.floor(s % 60))}` : `${m}:${two(Math.floor(s % 60))}`;
}

/** What was made once for the key; of the oldest, `most` are kept. What failed is made again. */
export function remembered(store, key, make, most) {
  if (!store.has(key)) {
    if (store.size >= most) store.delete(store.keys().next().value);
    store.set(key, make().catch(() => void store.delete(key)));
  }
  return store.get(key);
}

function shape(name, values) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  return made;
}

/** An area under the values, for a box as wide as there are values and 100 high. */
function area(values) {
  const line = values.map((v, i) => `${i + 0.5},${(100 - Math.min(Math.max(v, 0), 1) * 100).toFixed(1)}`);
  const [first, last] = [line[0].split(",")[1], line.at(-1).split(",")[1]];
  return ["0,100", `0,${first}`, ...line, `${values.length},${last}`, `${values.length},100`].join(" ");
}

/** First and last ms in sight. */
export function inSight({ scroll, content, duration }) {
  const all = content.offsetWidth || 1;
  return [scroll.scrollLeft, scroll.scrollLeft + scroll.clientWidth].map((x) => (x / all) * duration);
}

/** `anchor` (ms) stays where it is on the screen. */
export function zoom(line, to, anchor) {
  const { scroll, content, duration, kept } = line;
  const [from, until] = inSight(line);
  const fixed = anchor ?? (from + until) / 2;
  const before = (fixed / duration) * content.offsetWidth - scroll.scrollLeft;
  const closest = Math.max(1, Math.min(duration / CLOSEST_MS, WIDEST / (scroll.clientWidth || 1)));
  kept.zoom = Math.min(Math.max(to, 1), closest);
  content.style.width = `${kept.zoom * 100}%`;
  content.classList.toggle("zoomed", kept.zoom > 1);
  scroll.scrollLeft = (fixed / duration) * content.offsetWidth - before;
  for (const button of line.place.querySelectorAll("[data-zoom]")) {
    button.disabled = button.dataset.zoom === "1" ? kept.zoom >= closest : kept.zoom <= 1;
  }
  drawSoon(line);
}

export function drawSoon(line) {
  clearTimeout(line.waiting);
  line.waiting = setTimeout(() => draw(line), 120);
}

async function draw(line) {
  const { place, duration, kept, scroll } = line;
  kept.left = scroll.scrollLeft;
  const [from, to] = inSight(line);
  const margin = kept.zoom > 1 ? to - from : 0;
  const [a, b] = [Math.max(0, from - margin), Math.min(duration, to + margin)];
  const fields = `start_s=${Math.floor(a / 1000)}&end_s=${Math.floor(b / 1000) + 1}&most=${MOST}`;
  const address = `${place.dataset.timeline}?${fields}`;
  const ask = () => fetch(address).then((got) => (got.ok ? got.json() : Promise.reject(got.status)));
  const got = await remembered(fetched, address, ask, 40);
  if (!got || !place.isConnected) return;
  line.data = got;
  drawTicks(line, from, to);
  drawScore(line);
  drawShots(line);
  drawLanes(line);
}

/** As the server drew it, where the whole is in sight. */
function asItCame({ kept, whole }, name, box) {
  if (kept.zoom > 1) return false;
  box.innerHTML = whole[name];
  return true;
}

function drawArea({ data, duration }, box, values) {
  const wide = values.length * data.step_ms;
  const place = {
    x: `${(data.start_ms / duration) * 100}%`,
    width: `${(wide / duration) * 100}%`,
    viewBox: `0 0 ${values.length || 1} 100`,
  };
  for (const [key, value] of Object.entries(place)) box.setAttribute(key, value);
  box.replaceChildren(...(values.length ? [shape("polygon", { points: area(values) })] : []));
}

function drawScore(line) {
  const { curve, data } = line;
  if (!asItCame(line, "curve", curve)) return drawArea(line, curve, data.parts.score ?? []);
  for (const [key, value] of [["x", 0], ["width", "100%"], ["viewBox", "0 0 1000 100"]]) curve.setAttribute(key, value);
}

function drawShots(line) {
  const { shots, data, duration } = line;
  if (asItCame(line, "shots", shots)) return;
  const marks = data.cuts_ms.map((ms) => `M${((ms / duration) * 1000).toFixed(4)} 0v10`).join("");
  shots.replaceChildren(shape("path", { d: marks }));
}

function drawTicks(line, from, to) {
  const { ticks, duration, scroll } = line;
  if (asItCame(line, "ticks", ticks)) return;
  const most = Math.max(3, scroll.clientWidth / 120);
  const step = 1000 * (STEPS_S.find((s) => (to - from) / (s * 1000) <= most) ?? STEPS_S.at(-1));
  const bottom = Number(ticks.dataset.ticks);
  const made = [];
  for (let ms = Math.floor(from / step) * step; ms <= to; ms += step) {
    const x = `${(ms / duration) * 100}%`;
    const label = shape("text", { class: "tick-label", x, dx: 4, y: bottom - 6 });
    label.textContent = clock(ms / 1000);
    made.push(shape("line", { class: "tick", x1: x, x2: x, y1: 0, y2: bottom - 22 }), label);
  }
  ticks.replaceChildren(...made);
}

/** A row of its own for each part that is switched on; its name stays in sight. */
export function drawLanes(line) {
  const { place, lanes, labels, data } = line;
  const wanted = [...place.querySelectorAll("[data-parts] input:checked")];
  const top = lanes.previousElementSibling.getBoundingClientRect().height;
  lanes.setAttribute("height", wanted.length * LANE);
  lanes.replaceChildren();
  labels.replaceChildren(...wanted.map((box, i) => {
    const lane = shape("svg", { class: "curve", y: i * LANE + 4, height: LANE - 8, preserveAspectRatio: "none" });
    lanes.append(lane);
    drawArea(line, lane, data.parts[box.value] ?? []);
    const label = document.createElement("span");
    label.textContent = box.parentElement.textContent;
    label.style.top = `${top + i * LANE}px`;
    return label;
  }));
}
