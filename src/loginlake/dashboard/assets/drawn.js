/* Trees of plain elements from data-drawn (see drawn.py): one React component instead of a thousand. */
(() => {
  const TAGS = new Set(
    "a b bdi caption code dd div dl dt em h2 h3 li nav ol p section small span strong table tbody td th thead time tr ul".split(" "),
  );
  const ATTRIBUTES = /^(class|title|scope|role|datetime|tabindex|id|aria-[a-z]+)$/;

  // A photo without a Referer; the initials where there is none, or where it fails.
  const avatar = (element, { src, size, radius, ...attributes }, children) => {
    const initials = document.createElement("span");
    initials.className = "avatar-initials";
    initials.append(...children);
    element.style.setProperty("--size", `${Number(size) || 32}px`);
    if (!src) return element.append(initials);
    const image = document.createElement("img");
    Object.assign(image, { referrerPolicy: "no-referrer", loading: "lazy", decoding: "async", alt: "" });
    image.addEventListener("error", () => image.replaceWith(initials));
    image.src = src;
    return element.append(image);
  };

  const follow = (event) => {
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!plain) return;
    event.preventDefault();
    window.history.pushState({}, "", event.currentTarget.href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    window.scrollTo(0, 0);
  };

  // A row of a table by day: [day or nothing, its words, number or nothing, ...]
  const numbers = new Intl.NumberFormat(document.documentElement.lang);
  const dayRow = ([day, words, ...counts]) =>
    build([
      "tr",
      {},
      ["th", { scope: "row" }, day ? ["a", { href: `/dashboard/pipeline?day=${day}` }, words] : words],
      ...counts.map((count) => ["td", {}, count === null ? "—" : numbers.format(count)]),
    ]);

  const build = (node) => {
    if (typeof node === "string") return document.createTextNode(node);
    const [tag, attributes, ...children] = node;
    if (tag === "days") {
      const list = document.createDocumentFragment();
      list.append(...children.map(dayRow));
      return list;
    }
    if (tag === "") {
      const list = document.createDocumentFragment();
      list.append(...children.map(build));
      return list;
    }
    const element = document.createElement(tag !== "avatar" && TAGS.has(tag) ? tag : "span");
    for (const [name, value] of Object.entries(attributes)) {
      if (ATTRIBUTES.test(name)) element.setAttribute(name, String(value));
      else if (name === "style") Object.entries(value).forEach(([key, text]) => element.style.setProperty(key, text));
      else if (name === "href" && tag === "a" && String(value).startsWith("/dashboard/")) {
        element.setAttribute("href", value);
        if (attributes.download === undefined) element.addEventListener("click", follow);
        else element.setAttribute("download", "");
      }
    }
    if (tag === "avatar") avatar(element, attributes, children.map(build));
    else element.append(...children.map(build));
    return element;
  };

  const known = new WeakMap();
  const draw = (box) => {
    const content = box.getAttribute("data-drawn");
    if (known.get(box) === content && box.childNodes.length) return;
    known.set(box, content);
    box.replaceChildren(build(JSON.parse(content)));
  };
  const all = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    if (node.hasAttribute("data-drawn")) draw(node);
    node.querySelectorAll("[data-drawn]").forEach(draw);
  };
  new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "attributes") draw(target);
      else addedNodes.forEach(all);
    }
  }).observe(document.documentElement, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-drawn"] });
})();
