/* The page's own few lines: number format of the charts, controls to the address, when to ask, whether the server answers. */
(() => {
  // Whoever is signed out, or off the list, must not keep the names on the screen.
  const { fetch } = window;
  window.fetch = async (...asked) => {
    const answer = await fetch(...asked);
    if ([401, 403].includes(answer.status) && new URL(answer.url).pathname.includes("/_dash-")) {
      document.body.hidden = true;
      window.location.replace("/");
    }
    return answer;
  };

  const numbers = new Intl.NumberFormat(document.documentElement.lang);
  const SILENCE_MS = 12000;
  let heard;
  let heardAt = Date.now();
  let askedAt = 0;
  let waiting = false;
  let asked = 0;

  // A control changes its field of the address; the address is what a page shows. A new search starts at its beginning.
  const USUAL = { range: "30", compare: "previous", app: "", q: "" };
  const choose = (name) => (value) => {
    const fields = new URLSearchParams(window.location.search);
    const same = (fields.get(name) ?? USUAL[name]) === value;
    if (typeof value !== "string" || same || value === "0") return window.dash_clientside.no_update;
    if (value === USUAL[name]) fields.delete(name);
    else fields.set(name, value);
    if (name === "range") ["from", "to"].forEach((field) => fields.delete(field));
    if (name === "q") ["after", "at"].forEach((field) => fields.delete(field));
    const text = fields.toString();
    return text ? `?${text}` : "";
  };

  // What a chart says of a day: each series' name beside its own mark; dots are the day that is not over.
  const tooltip = ({ label, payload }, ...given) => {
    const { labels, soFar, unit } = given.find((one) => one?.labels); // React may put a reference before it
    const make = window.React.createElement;
    const point = payload?.[0]?.payload;
    if (!point) return null;
    const name = (key) => key.replace(/_so_far$/, "");
    const rows = payload.filter(({ dataKey }) => point.open || !dataKey.endsWith("_so_far"));
    return make(
      "div",
      { className: "tip" },
      make("strong", null, point.open ? `${label} (${soFar})` : label),
      rows.map(({ dataKey, value, color }) =>
        make(
          "div",
          { key: dataKey, className: "tip-row" },
          make("span", { className: "tip-mark", style: { background: color } }),
          make("span", null, labels[name(dataKey)]),
          make("b", null, `${numbers.format(Math.abs(value))}${unit}`),
        ),
      ),
    );
  };
  window.dashMantineFunctions = {
    number: (value) => numbers.format(value),
    size: (value) => numbers.format(Math.abs(value)),
    tooltip,
  };

  // What the eye sees of the page that is open, for the tab's name and for who does not see it.
  new MutationObserver(() => {
    const title = `${document.getElementById("title")?.textContent} · loginlake`;
    if (document.getElementById("title") && document.title !== title) document.title = title;
    const at = document.getElementById("nav")?.className.match(/at-(\w+)/)?.[1];
    for (const link of document.querySelectorAll("#nav a")) {
      if (link.classList.contains(`to-${at}`)) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }).observe(document.documentElement, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["class"] });
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.loginlake = {
    choose_range: choose("range"),
    choose_compare: choose("compare"),
    choose_app: choose("app"),
    choose_q: choose("q"),
    // Dash drops an answer that a newer question overtook: on a slow line each tick would undo the one before.
    ask: (_tick, beat) => {
      const now = Date.now();
      if (asked && beat !== heard) {
        [heard, heardAt, waiting] = [beat, now, false];
        return [window.dash_clientside.no_update, true];
      }
      const answers = now - heardAt < SILENCE_MS;
      if (waiting && now - askedAt < SILENCE_MS) return [window.dash_clientside.no_update, answers];
      [waiting, askedAt, asked] = [true, now, asked + 1];
      return [asked, answers];
    },
  };
})();
