// The JSON behind a step, as text with colours; never as markup.
const $ = (id) => document.getElementById(id);
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/g;
let opened = null;

/** Shows a step's JSON, if it is still of this event: another tab may have signed somebody else in. */
export async function showContent(step, event, title, texts, opener) {
  opened = opener;
  const target = document.querySelector("#content pre code");
  $("content-title").textContent = title;
  $("content-place").textContent = step.place ?? "";
  target.textContent = texts.loading;
  $("content").hidden = false;
  const address = `/api/journey/${step.name}?event=${encodeURIComponent(event)}`;
  const response = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
  if (response?.status === 401 || response?.status === 409) return location.reload();
  if (opened !== opener) return;
  if (response?.ok) paint(target, JSON.stringify(await response.json(), null, 2));
  else target.textContent = texts.journey_lost;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  $("content").scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
}

export function hideContent() {
  opened = null;
  $("content").hidden = true;
}

$("content-close").addEventListener("click", () => {
  const opener = opened;
  hideContent();
  opener?.setAttribute("aria-expanded", "false");
  opener?.focus();
});

function paint(target, text) {
  target.replaceChildren();
  let from = 0;
  for (const found of text.matchAll(TOKEN)) {
    target.append(text.slice(from, found.index));
    const span = document.createElement("span");
    span.className = found[2] ? "k" : found[1] ? "s" : "n";
    span.textContent = found[1] ?? found[3];
    target.append(span, found[2] ?? "");
    from = found.index + found[0].length;
  }
  target.append(text.slice(from));
}
