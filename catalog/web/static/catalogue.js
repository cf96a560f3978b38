// The catalogue: suggestions while somebody types, arrow keys between cards, saving in place.
// Without it the search form, the facets and the links do the same.

function suggestions() {
  const field = document.querySelector("[data-suggest]");
  const list = document.querySelector("#suggestions");
  if (!field || !list) return;
  Object.entries({
    role: "combobox", "aria-expanded": "false", "aria-controls": list.id,
    "aria-autocomplete": "list", "aria-haspopup": "listbox",
  }).forEach(([name, value]) => field.setAttribute(name, value));
  let asking;
  let waiting;
  let chosen = -1;

  const options = () => [...list.querySelectorAll("[role=option]")];
  const close = () => {
    clearTimeout(waiting);
    asking?.abort();
    list.hidden = true;
    chosen = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const choose = (to) => {
    const all = options();
    chosen = (to + all.length + 1) % (all.length + 1);
    if (chosen === all.length) chosen = -1;
    all.forEach((one, i) => one.setAttribute("aria-selected", String(i === chosen)));
    if (chosen < 0) field.removeAttribute("aria-activedescendant");
    else {
      field.setAttribute("aria-activedescendant", all[chosen].id);
      all[chosen].scrollIntoView({ block: "nearest" });
    }
  };
  const ask = async () => {
    asking?.abort();
    asking = new AbortController();
    const address = `${field.dataset.suggest}?q=${encodeURIComponent(field.value.trim())}`;
    try {
      const answer = await fetch(address, { signal: asking.signal, headers: { Accept: "text/html" } });
      const html = answer.ok ? (await answer.text()).trim() : "";
      if (!html || document.activeElement !== field) return close();
      list.innerHTML = html;
      list.hidden = false;
      field.setAttribute("aria-expanded", "true");
      choose(-1);
    } catch {
      // Aborted, or the network is away: the form still searches.
    }
  };
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    if (field.value.trim()) waiting = setTimeout(ask, 120);
    else close();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !list.hidden) {
      event.preventDefault();
      choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? options().length - 1 : chosen - 1);
    } else if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      location.assign(options()[chosen].href);
    }
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  field.addEventListener("blur", close);
}

function arrows() {
  const wall = document.querySelector("[data-wall]");
  wall?.addEventListener("keydown", (event) => {
    const links = [...wall.querySelectorAll(".card-link")];
    const at = links.indexOf(event.target);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const top = links[0].getBoundingClientRect().top;
    const columns = links.filter((link) => link.getBoundingClientRect().top === top).length || 1;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    const to = event.key === "Home" ? links[0] : event.key === "End" ? links.at(-1) : links[at + step];
    if (!to) return;
    event.preventDefault();
    to.focus();
  });
}

function saving() {
  let dialog;
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.(".card-keep");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    let answer;
    try {
      answer = await fetch(link.href, { headers: { "HX-Request": "true" } });
    } catch {
      // The page says it better than a dialog could.
    }
    if (!answer?.ok) return location.assign(link.href);
    dialog ??= document.querySelector("#keep");
    dialog.querySelector("[data-keep-in]").innerHTML = await answer.text();
    dialog.showModal();
    dialog.addEventListener("close", () => link.focus(), { once: true });
  });
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("dialog [data-keep]")) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const sent = { method: "POST", body, headers: { "HX-Request": "true" } };
    const answer = await fetch(form.action, sent).catch(() => null);
    if (answer?.ok) form.parentElement.innerHTML = await answer.text();
    else location.assign(`${form.action}?clip=${body.get("clip")}`);
  });
}

suggestions();
arrows();
saving();
