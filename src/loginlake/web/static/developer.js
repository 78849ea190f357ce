// Google Identity Services' interface, served by the developer identity provider: initialize, renderButton, prompt ...
(() => {
  const { texts, people, style, logo } = window.loginlakeDeveloper;
  const G = [
    ["#EA4335", "M24 9.5c3.54 0 6.71 1.22 9.21 3.6l6.85-6.85C35.9 2.38 30.47 0 24 0 14.62 0 6.51 5.38 2.56 13.22l7.98 6.19C12.43 13.72 17.74 9.5 24 9.5z"],
    ["#4285F4", "M46.98 24.55c0-1.57-.15-3.09-.38-4.55H24v9.02h12.94c-.58 2.96-2.26 5.48-4.78 7.18l7.73 6c4.51-4.18 7.09-10.36 7.09-17.65z"],
    ["#FBBC05", "M10.53 28.59c-.48-1.45-.76-2.99-.76-4.59s.27-3.14.76-4.59l-7.98-6.19C.92 16.46 0 20.12 0 24c0 3.88.92 7.54 2.56 10.78l7.97-6.19z"],
    ["#34A853", "M24 48c6.48 0 11.93-2.13 15.89-5.81l-7.73-6c-2.15 1.45-4.92 2.3-8.16 2.3-6.26 0-11.57-4.22-13.47-9.91l-7.98 6.19C6.51 42.62 14.62 48 24 48z"],
  ];
  let options = {};

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  function mark() {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 48 48");
    svg.setAttribute("aria-hidden", "true");
    for (const [fill, d] of G) {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("fill", fill);
      path.setAttribute("d", d);
      svg.append(path);
    }
    return svg;
  }

  function renderButton(parent, { text = "signin_with", size = "large", theme = "outline", shape = "rectangular" } = {}) {
    const label = texts[text] ?? texts.signin_with;
    const button = make("button", { type: "button", class: `gsi-button gsi-${size} gsi-${theme} gsi-${shape}` }, mark(), make("span", {}, label));
    button.addEventListener("click", () => choose(button));
    parent.append(button);
  }

  function choose(opener) {
    if (document.querySelector(".gsi-chooser")) return;
    const { nonce } = options;
    const dialog = make("dialog", { class: "gsi-chooser", "aria-labelledby": "gsi-title" });
    const head = make("div", { class: "gsi-head" }, make("img", { src: logo, alt: "", width: "36", height: "36" }), make("h2", { id: "gsi-title" }, texts.title), make("p", {}, texts.lead), make("p", { class: "gsi-badge" }, texts.badge));
    const list = make("ul");
    for (const person of people) {
      const image = make("img", { src: person.photo, alt: "", width: "40", height: "40" });
      const words = make("span", { class: "gsi-words" }, make("bdi", { class: "gsi-name" }, person.name || person.email));
      if (person.name) words.append(make("span", { class: "gsi-email" }, person.email));
      const button = make("button", { type: "button", "data-person": person.id }, image, words, make("span", { class: "gsi-hint" }, texts[`hint.${person.hint}`]));
      button.addEventListener("click", () => sign(dialog, person.id, nonce));
      list.append(make("li", {}, button));
    }
    const failed = make("p", { class: "gsi-failed", role: "alert" });
    const cancel = make("button", { type: "button", class: "gsi-cancel" }, texts.cancel);
    cancel.addEventListener("click", () => dialog.close());
    dialog.append(head, list, failed, make("p", { class: "gsi-note" }, texts.note), cancel);
    dialog.addEventListener("close", () => { dialog.remove(); opener?.focus(); });
    // The second click of a double one was not meant for what the first has opened under it.
    dialog.addEventListener("click", (event) => { if (event.detail > 1) event.stopImmediatePropagation(); }, true);
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    document.body.append(dialog);
    dialog.showModal();
  }

  async function sign(dialog, person, nonce) {
    const buttons = dialog.querySelectorAll("li button");
    const enable = (able) => buttons.forEach((button) => { button.disabled = !able; });
    enable(false); // one token a nonce: a second would be refused as used already
    const response = await fetch("/dev/token", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ person, nonce }),
    }).catch(() => null);
    if (!response?.ok) {
      dialog.querySelector(".gsi-failed").textContent = texts.failed;
      return enable(true);
    }
    if (!dialog.open) return; // cancelled meanwhile
    const { credential } = await response.json();
    dialog.close();
    const answer = { credential, select_by: "btn", client_id: options.client_id };
    if (options.ux_mode === "redirect") submit(answer);
    else options.callback?.(answer);
  }

  // Redirect mode: the library itself posts the form, with the cookie that the field must equal.
  function submit(answer) {
    const token = crypto.randomUUID();
    document.cookie = `g_csrf_token=${token}; path=/; SameSite=Lax`;
    const form = make("form", { method: "post", action: new URL(options.login_uri).pathname });
    for (const [name, value] of Object.entries({ ...answer, g_csrf_token: token })) form.append(make("input", { type: "hidden", name, value }));
    document.body.append(form);
    form.submit();
  }

  document.head.append(make("link", { rel: "stylesheet", href: style }));
  window.google = {
    accounts: {
      id: {
        initialize: (given) => { options = given; },
        renderButton,
        prompt: () => choose(document.activeElement),
        cancel: () => document.querySelector(".gsi-chooser")?.close(),
        disableAutoSelect: () => {},
        storeCredential: () => {},
        revoke: (_, done) => done?.({ successful: true }),
      },
    },
  };
})();
