// The request explainer.

import { h, mark_of, get, finding, badge, expose_link } from "./dom.js";

const OUTCOMES = {
  forwarded: ["Forwarded", "●", "good"],
  redirected: ["Redirected", "↪", "good"],
  no_endpoints: ["No endpoint", "○", "poor"],
  not_found: ["404", "✕", "bad"],
  closed: ["Connection closed", "✕", "bad"],
  not_listening: ["Connection refused", "✕", "bad"],
};

const STAGES = { listener: "Listener", chain: "Connection", virtual_host: "Virtual host", route: "Route", cluster: "Cluster" };

/** What becomes of a request whose way leads somewhere, and which fails for something beside it. */
const FAILS = ["Fails all the same", "✕", "bad"];

function answer(explained) {
  const outcome = OUTCOMES[explained.outcome];
  const fails = outcome[2] === "good" && explained.caveats.some((caveat) => caveat.fatal);
  return [
    h("p", { class: "outcome" }, mark_of(...outcome), fails && [" ", mark_of(...FAILS)]),
    h("p", { class: "answer" }, explained.answer),
    explained.caveats.map((caveat) => h("article", { class: `finding ${caveat.fatal ? "bad" : "poor"}` },
      h("p", { class: "message" }, mark_of(...(caveat.fatal ? ["But", "✕", "bad"] : ["Note", "!", "poor"])), ` ${caveat.text}`))),
    h("ol", { class: "steps" }, explained.steps.map((step) =>
      h("li", { class: step.name ? "" : "broken" },
        h("span", { class: "stage-name" }, STAGES[step.stage]),
        h("b", {}, step.stage === "cluster" && step.name ? expose_link(step.name) : step.name || "none"),
        h("span", {}, step.why),
        step.shadows && h("details", {}, h("summary", {}, `${step.shadows.length} more would fit`),
          h("ul", {}, step.shadows.map((shadow) => h("li", {}, h("b", {}, shadow.name), ` ${shadow.why}`))))))),
    explained.owner && h("p", {}, "Owner: ", expose_link(explained.owner.id), " ", badge(explained.owner.standing)),
    explained.related.length > 0 && [h("h3", {}, OUTCOMES[explained.outcome][2] === "good" ? "Refused, of what asks for the same" : "This may be why"), explained.related.map((found) => finding(found, { service: true }))],
  ].flat(2).filter(Boolean);
}

export function explain_view({ query, main }) {
  const field = (name, label, attributes) => {
    const id = `ask-${name}`;
    const tag = name === "headers" ? "textarea" : "input";
    const input = h(tag, { id, name, autocomplete: "off", spellcheck: "false", ...attributes });
    input.value = query.get(name) || "";
    return h("p", {}, h("label", { for: id }, label), input);
  };
  const result = h("div", { role: "status", class: "result" });
  const form = h("form", { class: "ask", onsubmit: ask },
    field("url", "What would a client ask for?", { placeholder: "https://www.example.com/path", required: true, inputmode: "url" }),
    h("details", { open: ["sni", "address", "headers"].some((name) => query.get(name)) },
      h("summary", {}, "Another server name, address or headers"),
      field("sni", "Server name (SNI), where it is not the host", {}),
      field("address", "Address that is connected to", {}),
      field("headers", "Headers, one a line", { rows: 3, placeholder: "X-Cluster: test/svc/web.expose#0" })),
    h("button", {}, "Explain"));
  main.replaceChildren(h("h2", {}, "Explain a request"),
    h("p", { class: "lead" }, "Follows what Envoy was sent, by Envoy's own rules. Nothing is sent anywhere."), form, result);

  async function ask(event) {
    event?.preventDefault();
    const asked = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value.trim()) asked.set(name, value);
    }
    history.replaceState(null, "", `#/explain?${asked}`);
    try {
      result.replaceChildren(...answer(await get(`/api/v1/explain?${asked}`)));
    } catch (error) {
      result.replaceChildren(h("p", { class: "outcome" }, mark_of("Not understood", "?", "poor")), h("p", {}, error.message));
    }
  }
  if (query.get("url")) ask();
  return {};
}
