// On every page: the theme, the two global keys, the silent preview of a card.

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

export function typing(event) {
  const on = event.target;
  return event.altKey || event.ctrlKey || event.metaKey || on.isContentEditable ||
    on.closest?.("input, textarea, select, dialog[open]") !== null;
}

function themeToggle() {
  const form = document.querySelector("[data-theme-form]");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax`;
    form.querySelector(`.tool-${now}`).focus();
  });
}

function keys() {
  const dialog = document.querySelector("#keys");
  const button = document.querySelector("[data-keys]");
  if (!button) return; // a page inside of another site's
  button.hidden = false;
  button.addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    if (typing(event)) return;
    if (event.key === "?") {
      event.preventDefault();
      dialog.showModal();
    } else if (event.key === "/") {
      event.preventDefault();
      const field = document.querySelector("#q");
      if (field) field.focus();
      else location.assign("/");
    }
  });
}

function previews() {
  if (still.matches || navigator.connection?.saveData) return;
  let waiting;
  let shown;
  const stop = () => {
    clearTimeout(waiting);
    shown?.remove();
    shown = undefined;
  };
  const start = (card) => {
    stop();
    waiting = setTimeout(() => {
      shown = document.createElement("video");
      Object.assign(shown, { muted: true, loop: true, playsInline: true, disableRemotePlayback: true });
      shown.src = card.dataset.preview;
      shown.tabIndex = -1;
      shown.setAttribute("aria-hidden", "true");
      card.querySelector(".length").before(shown);
      shown.play().catch(stop);
    }, 250);
  };
  for (const card of document.querySelectorAll("[data-preview]")) {
    card.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && start(card));
    card.addEventListener("pointerleave", stop);
    card.addEventListener("focusin", () => start(card));
    card.addEventListener("focusout", stop);
  }
}

themeToggle();
keys();
previews();
