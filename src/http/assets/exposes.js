// The list of exposes, by name, service or port, and by how they are doing.

import { h, STANDINGS, badge, plural, redraw } from "./dom.js";

/** How many rows are shown at first, and how many more each time. */
const PAGE = 60;

const RANK = Object.fromEntries(Object.keys(STANDINGS).map((standing, rank) => [standing, rank]));

/** A function of exposes that is computed once for each: one that changes is another object. */
function once(of) {
  const known = new WeakMap();
  return (expose) => {
    if (!known.has(expose)) known.set(expose, of(expose));
    return known.get(expose);
  };
}

const words_of = once((expose) =>
  [expose.id, expose.listener, expose.problem, expose.traffic, ...expose.names]
    .filter(Boolean).join("\n").toLowerCase());

export function select(exposes, query) {
  const words = (query.get("q") || "").toLowerCase().split(/\s+/).filter(Boolean);
  const standing = query.get("standing");
  const found = [];
  for (const expose of exposes.values()) {
    if (standing && expose.standing !== standing) continue;
    if (words.length) {
      const text = words_of(expose);
      if (!words.every((word) => text.includes(word))) continue;
    }
    found.push(expose);
  }
  return found.sort((a, b) => RANK[a.standing] - RANK[b.standing] || (a.id < b.id ? -1 : 1));
}

export function row(expose) {
  const { names } = expose;
  const title = names.find((name) => !name.includes("*")) || names[0] || expose.service;
  return h("li", {},
    h("a", { class: "row", href: `#/expose/${encodeURIComponent(expose.id)}` },
      badge(expose.standing),
      h("span", { class: "name" }, title, names.length > 1 && h("small", {}, ` and ${names.length - 1} more`)),
      h("span", { class: "id" }, expose.id),
      h("span", { class: "where" }, expose.traffic && h("b", {}, expose.traffic), " ", expose.listener || "not served"),
      h("span", { class: "ends" }, expose.listener ? plural(expose.endpoints, "endpoint") : ""),
      expose.problem && h("span", { class: `problem ${STANDINGS[expose.standing].tone}` }, expose.problem)));
}

export function tallies(status, query = new URLSearchParams()) {
  const chosen = query.get("standing");
  const link = (standing, count) => {
    const next = new URLSearchParams(query);
    if (chosen === standing) next.delete("standing");
    else next.set("standing", standing);
    const { word, mark, tone } = STANDINGS[standing];
    return h("a", {
      class: `tally ${count ? tone : "none"}`,
      href: `#/exposes${next.size ? `?${next}` : ""}`,
      "aria-current": chosen === standing && "true",
    }, h("b", {}, count.toLocaleString("en")), h("span", {}, h("span", { "aria-hidden": "true" }, `${mark} `), word));
  };
  return h("nav", { class: "tallies", "aria-label": "How exposes are doing" },
    Object.keys(STANDINGS).map((standing) => link(standing, status.exposes[standing])));
}

export function exposes_view({ known, query, main }) {
  let limit = PAGE;
  let drawn = [];
  const row_of = once(row);
  const head = h("div");
  const count = h("p", { class: "count", role: "status" });
  const list = h("ul", { class: "rows", "aria-label": "Exposes" });
  const more = h("button", { type: "button", class: "more", onclick: show_more });
  main.replaceChildren(h("h2", {}, "Exposes"), head, count, list, more);

  function show_more() {
    const first_new = limit;
    limit += PAGE;
    draw();
    list.children[first_new]?.querySelector("a").focus();
  }

  function draw() {
    // Nothing is said of what nobody has told yet.
    if (!known.status) {
      count.textContent = "Loading…";
      more.hidden = true;
      return;
    }
    const found = select(known.exposes, query);
    redraw(head, tallies(known.status, query));
    count.textContent = found.length === known.exposes.size
      ? plural(found.length, "expose")
      : `${found.length.toLocaleString("en")} of ${plural(known.exposes.size, "expose")}`;
    const shown = found.slice(0, limit);
    if (shown.length !== drawn.length || shown.some((expose, n) => expose !== drawn[n])) {
      redraw(list, shown.map(row_of));
      drawn = shown;
    }
    more.hidden = found.length <= limit;
    more.textContent = `Show ${Math.min(PAGE, found.length - limit)} more of ${(found.length - limit).toLocaleString("en")}`;
    if (!found.length) {
      redraw(list, h("li", { class: "empty" }, known.exposes.size
        ? "Nothing is exposed under that. Is it refused for another reason? Ask under Explain a request."
        : "No service exposes anything to this gateway."));
    }
  }

  return {
    update: draw,
    navigate(next) {
      query = next;
      limit = PAGE;
      draw();
    },
  };
}
