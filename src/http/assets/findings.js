// Everything that was found in the configurations of services, the worst first.

import { h, get, finding, plural, redraw } from "./dom.js";

/** How many findings are shown at first, and how many more each time. */
const PAGE = 40;

const RANK = { error: 0, warning: 1, info: 2 };

export function findings_view({ main }) {
  let limit = PAGE;
  let drawn;
  let turn = 0;
  const count = h("p", { class: "count", role: "status" }, "Loading…");
  const list = h("div");
  const more = h("button", { type: "button", class: "more", hidden: true, onclick: show_more });
  main.replaceChildren(h("h2", {}, "Findings"),
    h("p", { class: "lead" }, "What was found in the configurations of services, with the line to change."), count, list, more);

  function show_more() {
    limit += PAGE;
    drawn = null;
    draw();
  }

  async function draw() {
    const mine = ++turn;
    let found;
    try {
      found = await get("/api/v1/diagnostics");
    } catch (error) {
      if (mine === turn) count.textContent = `Findings cannot be read: ${error.message}`;
      return;
    }
    const state = JSON.stringify(found);
    // What did not change is left alone: somebody may be copying from it.
    if (mine !== turn || state === drawn) return;
    drawn = state;
    found.sort((a, b) => RANK[a.severity] - RANK[b.severity]);
    const of = (severity) => found.filter((one) => one.severity === severity).length;
    count.textContent = [plural(of("error"), "error"), plural(of("warning"), "warning"), plural(of("info"), "remark")].join(", ");
    redraw(list, found.slice(0, limit).map((one) => finding(one, { service: true })));
    const left = found.length - limit;
    more.hidden = left <= 0;
    more.textContent = `Show ${Math.min(PAGE, left)} more of ${left.toLocaleString("en")}`;
  }

  return { update: draw, leave() { turn = -1; } };
}
