// The page: the provider's button, the AJAX sign-in, the greeting, and one's own event on its way.
import { showContent, hideContent } from "./content.js";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const boot = read("boot");
const texts = read("texts");
const $ = (id) => document.getElementById(id);
// English words with the 24-hour clock that the dashboard has too.
const locale = boot.lang === "en" ? "en-GB" : boot.lang;
const SLOW_MS = 45_000;
const POLL_MS = 500;
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
let watching = new AbortController();

function show(session) {
  const signedIn = Boolean(session);
  document.body.classList.toggle("idle", !signedIn);
  $("out").hidden = signedIn;
  $("in").hidden = !signedIn;
  $("journey-lead").hidden = !signedIn;
  $("path-title").textContent = $("path-title").dataset[signedIn ? "in" : "out"];
  document.title = signedIn ? texts.title_in : texts.title;
  if (!signedIn) return;
  $("hello").firstElementChild.textContent = fill(texts.hello, { name: session.person.name });
  $("photo").src = session.person.picture;
  $("event").textContent = session.event_id;
  const when = $("when");
  when.dateTime = session.time;
  const format = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "medium" });
  when.textContent = fill(texts.signed_in_at, { time: format.format(new Date(session.time)) });
  $("dashboard").hidden = !session.dashboard;
  follow(session);
}

// ---- signing in
async function signIn({ credential, select_by }) {
  const area = document.querySelector(".signin");
  area.classList.add("busy");
  $("problem").hidden = true;
  $("button-state").textContent = texts.working;
  try {
    const answer = await post("/api/signin", { credential, select_by });
    boot.session = answer;
    show(answer);
    $("hello").focus();
  } catch (problem) {
    fail(problem);
    await renew();
  } finally {
    area.classList.remove("busy");
    $("button-state").textContent = "";
  }
}

/** POST, trying again when something is away: the same token gets the same answer, and never a second event. */
async function post(url, body, attempts = 4) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  }).catch(() => null);
  const said = await response?.json().catch(() => null); // a proxy's own answer is a page
  if (response?.ok && said) return said;
  if (attempts > 1 && (!response || [502, 503, 504].includes(response.status))) {
    await new Promise((done) => setTimeout(done, 1000 * (Number(response?.headers.get("Retry-After")) || 1)));
    return post(url, body, attempts - 1);
  }
  throw said ?? {};
}

function fail({ title, detail }, place = "problem") {
  const [strong, span] = $(place).children;
  strong.textContent = title ?? texts["unavailable.title"];
  span.textContent = title ? detail : texts["unavailable.detail"];
  $(place).hidden = false;
}

$("signout").addEventListener("click", async () => {
  $("signout-problem").hidden = true;
  watching.abort(); // else it asks for an event that is nobody's any more
  const response = await fetch("/api/signout", { method: "POST" }).catch(() => null);
  if (!response?.ok) {
    follow(boot.session);
    return fail((await response?.json().catch(() => null)) ?? {}, "signout-problem");
  }
  window.google?.accounts.id.disableAutoSelect();
  location.assign("/");
});

$("copy").addEventListener("click", async () => {
  await navigator.clipboard?.writeText($("event").textContent);
  $("copy").classList.add("copied");
  $("live").textContent = texts.copied;
});

$("photo").addEventListener("error", () => {
  if (boot.session && $("photo").src !== boot.session.avatar) $("photo").src = boot.session.avatar;
});

// ---- the button
async function renew() {
  const response = await fetch("/api/nonce").catch(() => null);
  if (!response?.ok) return;
  boot.nonce = await response.json();
  button();
}

function button() {
  const apple = /iP(hone|ad|od)/.test(navigator.userAgent) || (/Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
  const redirect = apple || new URLSearchParams(location.search).get("ux") === "redirect";
  window.google.accounts.id.initialize({
    client_id: boot.client_id,
    callback: signIn,
    nonce: boot.nonce.value,
    use_fedcm_for_button: true,
    ...(redirect ? { ux_mode: "redirect", login_uri: boot.login_uri } : {}),
  });
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  $("button").replaceChildren();
  window.google.accounts.id.renderButton($("button"), {
    type: "standard", text: "signin_with", size: "medium", shape: "pill", logo_alignment: "left", locale: boot.lang,
    theme: dark ? "filled_black" : "outline",
  });
}

function loadButton() {
  const script = document.createElement("script");
  script.src = $("button").dataset.script;
  script.async = true;
  script.addEventListener("load", () => {
    $("button-state").textContent = "";
    button();
    setInterval(renew, Math.max(30, boot.nonce_s - 120) * 1000);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", button);
  });
  script.addEventListener("error", () => { $("button-state").textContent = texts.button_failed; });
  document.head.append(script);
}

// ---- the journey
async function follow(session) {
  watching.abort();
  const { signal } = (watching = new AbortController());
  const since = performance.now();
  const announced = new Set();
  let lost = false;
  for (;;) {
    const headers = { Accept: "application/json" };
    const response = await fetch("/api/journey", { headers, signal }).catch(() => null);
    const said = await response?.json().catch(() => null); // it may end in the middle, of itself or by our abort
    if (signal.aborted) return;
    if (response?.status === 401) return location.assign("/");
    if (response?.ok && said) {
      const { event_id, steps } = said;
      if (event_id !== session.event_id) return location.reload(); // another tab signed somebody in
      draw(session, steps, announced);
      if (steps.every((step) => step.done)) return arrived(session, steps);
    } else if (!lost) {
      lost = true;
      $("live").textContent = texts.journey_lost;
    }
    const waited = performance.now() - since;
    if (waited > SLOW_MS && $("arrived").hidden) say(texts.journey_slow);
    await new Promise((done) => setTimeout(done, waited > SLOW_MS ? 5000 : POLL_MS));
  }
}

function draw(session, steps, announced) {
  const first = new Date(steps[0].at);
  const next = steps.find((step) => !step.done)?.name;
  for (const step of steps) {
    const item = document.querySelector(`[data-step="${step.name}"]`);
    item.classList.toggle("done", step.done);
    item.classList.toggle("next", step.name === next);
    if (!step.done && step.place === "spool") item.querySelector(".place").textContent = texts.step_topic_spool;
    if (!step.done || announced.has(step.name)) continue;
    announced.add(step.name);
    const numbers = step.name === "topic" && step.place?.match(/^partition (\d+), offset (\d+)$/);
    if (numbers) step.place = fill(texts.step_topic_place, { partition: numbers[1], offset: numbers[2] });
    const time = item.querySelector("time");
    const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 1 });
    time.dateTime = step.at;
    time.textContent = step.name === "web" ? clock.format(first) : `+${seconds(first, new Date(step.at))} s`;
    time.title = clock.format(new Date(step.at));
    const place = item.querySelector(".place");
    place.title = step.place ?? "";
    place.textContent = /^(bronze|silver)\//.test(place.title) ? place.title.split("/").at(-1).replace(/^0{3,}(?=\d)/, "…") : place.title;
    const open = item.querySelector(".json");
    open.hidden = false;
    open.onclick = () => toggle(open, step, session.event_id);
  }
  const names = steps.filter((step) => step.done).map((step) => texts[`step_${step.name}`]);
  const words = fill(texts.step_done, { step: names.at(-1) });
  if ($("live").textContent !== words) $("live").textContent = words;
}

const seconds = (from, to) =>
  (Math.max(0, to - from) / 1000).toLocaleString(boot.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

function say(words) {
  $("arrived").textContent = words;
  $("arrived").hidden = false;
}

function arrived(session, steps) {
  say(fill(texts.journey_done, { seconds: seconds(new Date(session.received), new Date(steps.at(-1).at)) }));
  $("live").textContent = $("arrived").textContent;
}

async function toggle(opener, step, event) {
  const open = opener.getAttribute("aria-expanded") === "true";
  for (const other of document.querySelectorAll(".json")) other.setAttribute("aria-expanded", "false");
  if (open) return hideContent();
  opener.setAttribute("aria-expanded", "true");
  await showContent(step, event, texts[`step_${step.name}`], texts, opener);
}

show(boot.session);
if (!boot.session) loadButton();
