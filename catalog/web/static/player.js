// The player: keys as elsewhere, the transcript that follows and seeks, streaming where the page asks for it.

import { typing } from "./app.js";
import { card } from "./offers.js";

const RATES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

export const player = () => document.querySelector("[data-player]");

function say(text) {
  const place = document.querySelector("[data-player-says]");
  if (place) place.textContent = text;
}

const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

/** Fetch the streaming code and the playlist: only once somebody wants to watch. */
export async function ready(video) {
  if (!video.dataset.hls || video.dataset.attached) return;
  video.dataset.attached = "yes";
  video.controls = true;
  document.querySelector("[data-play]")?.setAttribute("hidden", "");
  const { default: Hls } = await import(video.dataset.module);
  if (!Hls.isSupported()) {
    video.src = video.dataset.hls;
    return;
  }
  const hls = new Hls({ enableWorker: false, startPosition: 0 });
  hls.on(Hls.Events.ERROR, (_, problem) => {
    if (!problem.fatal) return;
    if (problem.type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else say("The stream stopped. Reload the page to try again.");
  });
  const open = new Promise((done) => hls.once(Hls.Events.MANIFEST_PARSED, done));
  hls.loadSource(video.dataset.hls);
  hls.attachMedia(video);
  await open;
}

export async function seek(ms, play = true) {
  const video = player();
  if (!video) return;
  await ready(video);
  if (video.readyState === 0) {
    await new Promise((done) => video.addEventListener("loadedmetadata", done, { once: true }));
  }
  video.currentTime = ms / 1000;
  if (play) await video.play().catch(() => {});
}

let stopping;

/** Pause once when it gets there; whoever goes elsewhere in the meantime is not held up. */
export function stopAt(ms) {
  stopping?.abort();
  stopping = new AbortController();
  const [video, { signal }] = [player(), stopping];
  video?.addEventListener("seeking", () => stopping.abort(), { signal });
  video?.addEventListener("timeupdate", () => {
    if (video.currentTime * 1000 < ms) return;
    stopping.abort();
    video.pause();
  }, { signal });
}

function move(video, seconds) {
  const end = Number.isFinite(video.duration) ? video.duration : Infinity;
  video.currentTime = Math.min(Math.max(video.currentTime + seconds, 0), end);
  say(clock(video.currentTime));
}

function speed(video, way) {
  const at = RATES.findIndex((rate) => rate >= video.playbackRate);
  video.playbackRate = RATES[Math.min(Math.max(at + way, 0), RATES.length - 1)];
  say(`Speed ${video.playbackRate} ×`);
}

function volume(video, change) {
  video.volume = Math.min(Math.max(video.volume + change, 0), 1);
  say(`Volume ${Math.round(video.volume * 100)} %`);
}

function captions(video) {
  const track = [...video.textTracks].find((one) => one.kind === "captions");
  if (!track) return say("There are no captions");
  track.mode = track.mode === "showing" ? "hidden" : "showing";
  say(track.mode === "showing" ? "Captions on" : "Captions off");
}

async function playOrPause(video) {
  await ready(video);
  if (video.paused) await video.play().catch(() => {});
  else video.pause();
}

function action(video, event) {
  const frame = 1 / Number(video.dataset.fps || 25);
  const focused = event.target === video;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (/^[0-9]$/.test(key) && Number.isFinite(video.duration)) {
    return () => move(video, (video.duration * Number(key)) / 10 - video.currentTime);
  }
  if (focused && key === "ArrowUp") return () => volume(video, 0.1);
  if (focused && key === "ArrowDown") return () => volume(video, -0.1);
  return {
    " ": () => playOrPause(video),
    k: () => playOrPause(video),
    j: () => move(video, -10),
    l: () => move(video, 10),
    ArrowLeft: () => move(video, -5),
    ArrowRight: () => move(video, 5),
    ",": () => video.paused && move(video, -frame),
    ".": () => video.paused && move(video, frame),
    "<": () => speed(video, -1),
    ">": () => speed(video, 1),
    m: () => { video.muted = !video.muted; say(video.muted ? "Sound off" : "Sound on"); },
    c: () => captions(video),
    f: () => (document.fullscreenElement ? document.exitFullscreen() : video.requestFullscreen?.()),
  }[key];
}

function onKey(event) {
  const video = player();
  if (!video || typing(event)) return;
  // On a button, link or scroll area its own keys come first.
  const own = [" ", "Enter", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key);
  if (own && event.target.closest("a, button, summary, [role=region]")) return;
  const run = action(video, event);
  if (!run) return;
  event.preventDefault();
  run();
}

function transcript() {
  const place = document.querySelector("[data-transcript]");
  const video = player();
  if (!place || !video) return;
  const words = [...place.querySelectorAll("p [data-ms]")];
  place.addEventListener("click", (event) => {
    const on = event.target.closest("[data-ms]");
    if (!on) return;
    event.preventDefault();
    seek(Number(on.dataset.ms));
  });
  let said;
  video.addEventListener("timeupdate", () => {
    const now = video.currentTime * 1000;
    const at = video.paused && !now ? undefined : words.findLast((word) => Number(word.dataset.ms) <= now);
    if (at === said) return;
    said?.classList.remove("said");
    at?.classList.add("said");
    said = at;
  });
}

function facade() {
  const video = player();
  const button = document.querySelector("[data-play]");
  if (!video?.dataset.hls || !button || video.dataset.attached) return;
  button.hidden = false;
  button.onclick = () => {
    seek(0).then(() => video.focus());
  };
  // A browser, a script or a media key may start it too.
  video.addEventListener("play", () => ready(video).then(() => video.play()).catch(() => {}), { once: true });
}

/** A visit is made of clips that were played; an offer comes when one has ended, below it. */
function visit() {
  const video = player();
  const form = document.querySelector("[data-played]");
  const place = document.querySelector("[data-offer]");
  const told = () => fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => {});
  if (video && form) video.addEventListener("play", told, { once: true });
  if (video && place) video.addEventListener("ended", () => card(place), { once: true });
}

document.addEventListener("keydown", onKey);
document.querySelector(".tiles")?.addEventListener("click", (event) => {
  const on = event.target.closest("[data-ms]");
  if (!on) return;
  event.preventDefault();
  seek(Number(on.dataset.ms));
});
document.addEventListener("click", (event) => {
  const on = event.target.closest("[data-seek]");
  if (!on) return;
  seek(Number(on.dataset.seek));
  document.querySelector("#watch")?.scrollIntoView({ block: "start" });
});
document.addEventListener("htmx:after:swap", facade);
transcript();
facade();
visit();
