// The offer's card: asked for once, put where the page has its place, never over anything.

/** Nothing fits: the place stays empty. The offset is for quiet hours; nobody keeps it. */
export async function card(place) {
  const url = new URL(place.dataset.offer, location.href);
  url.searchParams.set("part", "card");
  url.searchParams.set("offset", -new Date().getTimezoneOffset());
  const answer = await fetch(url).catch(() => undefined);
  if (answer?.status !== 200) return;
  place.innerHTML = await answer.text();
  window.htmx?.process(place);
}

const now = document.querySelector("[data-offer][data-offer-now]");
if (now) card(now);
