// One expose: what there is to mend, and the way of a request to it, as a picture.

import { h, badge, breakable, mark_of, get, finding, plural, time, redraw } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";

/** A card in the picture; `to` names the cards that it leads to. */
function card(key, to, title, ...children) {
  return h("div", { class: "card", "data-key": key, "data-to": to.join(" ") }, h("h4", {}, breakable(title)), ...children);
}

function stage(title, cards) {
  return h("li", { class: "stage" }, h("h3", {}, title), h("div", { class: "cards" }, cards));
}

function chips(texts, none) {
  if (!texts.length) return h("p", { class: "none" }, none);
  const shown = texts.slice(0, 12);
  return h("ul", { class: "chips" }, shown.map((text) => h("li", {}, breakable(text))),
    texts.length > shown.length && h("li", { class: "none" }, `and ${texts.length - shown.length} more`));
}

/** Domains without their twins with port, as a virtual host answers to both. */
export function plain(domains) {
  const all = new Set(domains);
  return domains.filter((domain) => !(/:\d+$/.test(domain) && all.has(domain.replace(/:\d+$/, ""))));
}

export function describe_route(route) {
  const how = { exact: "", prefix: "…", regex: "" }[route.matching];
  const path = route.matching === "regex" ? `~ ${route.path}` : route.path + how;
  return route.case_sensitive ? path : `${path} (any case)`;
}

function describe_action(action) {
  if (action.redirect) {
    const { status, https, host, path, prefix } = action.redirect;
    return `redirect ${status} to ${https ? "https://" : ""}${host || ""}${path || prefix || ""}`;
  }
  const forward = action.forward;
  if (!forward) return "";
  return [
    forward.cluster_header && `cluster named by header ${forward.cluster_header}`,
    forward.prefix_rewrite && `path becomes ${forward.prefix_rewrite}`,
    forward.host_rewrite && `host becomes ${forward.host_rewrite}`,
    forward.timeout_seconds != null && (forward.timeout_seconds ? `timeout ${forward.timeout_seconds} s` : "no timeout"),
  ].filter(Boolean).join(", ");
}

function socket(endpoint) {
  return endpoint.address.includes(":") ? `[${endpoint.address}]:${endpoint.port}` : `${endpoint.address}:${endpoint.port}`;
}

function secret_line(secret) {
  const name = secret.name.replace(/^[^/]*\//, "");
  const expiry = secret.not_after ? [" expires ", time(secret.not_after)]
    : secret.file ? ` in ${secret.file}, which only Envoy reads` : "";
  return h("p", {}, secret.kind === "trust" ? "Clients judged by " : "Certificate ", h("b", {}, name), expiry);
}

/** The stages of an expose that is served. */
function stages(expose) {
  const chain = expose.chain;
  const hosts = expose.virtual_hosts;
  const http = "routes" in chain.next;
  const own = new Set([...(chain.termination?.certificates || []), chain.termination?.clients_judged_by]);
  const result = [
    stage("Listener", [card("listener", ["chain"], expose.listener,
      h("p", {}, expose.neighbours > 1 ? `shared by ${plural(expose.neighbours, "expose")}` : "for this expose alone"))]),
    stage("Connection", [card("chain", http ? hosts.map((_, n) => `v${n}`) : ["cluster"],
      chain.tls_only ? (chain.termination ? "TLS, ended here" : "TLS, passed through") : http ? "Plain HTTP" : "Every connection",
      chain.tls_only && chips(chain.server_names, "any server name"),
      expose.secrets.filter((secret) => own.has(secret.name)).map(secret_line))]),
  ];
  if (http) {
    result.push(stage("Virtual host", hosts.map((host, n) =>
      card(`v${n}`, host.routes.length ? host.routes.map((_, r) => `v${n}r${r}`) : [], host.name.split(".").pop(),
        chips(plain(host.domains), "no domain"),
        !host.routes.length && h("p", { class: "none" }, "no route: answers 404")))));
    result.push(stage("Route", hosts.flatMap((host, n) => host.routes.map((route, r) =>
      card(`v${n}r${r}`, route.action.forward?.cluster ? ["cluster"] : [], describe_route(route),
        h("p", {}, describe_action(route.action)))))));
  }
  const cluster = expose.cluster;
  result.push(stage("Cluster", [card("cluster", expose.addresses.map((_, n) => `e${n}`),
    cluster.lb_policy.replaceAll("_", " ").toLowerCase(),
    cluster.original_destination && h("p", {}, "to the original destination"),
    cluster.tls && h("p", {}, cluster.endpoints_judged_by ? "TLS, verified" : "TLS, not verified"),
    h("p", { class: "none" }, cluster.health_checked ? "Envoy checks their health" : "health is not checked by Envoy"))]));
  result.push(stage("Endpoints", expose.addresses.length
    ? expose.addresses.slice(0, 30).map((endpoint, n) => card(`e${n}`, [], socket(endpoint),
        h("p", { title: "The instance is up, says OpenSVC" }, mark_of("up", "●", "good"), endpoint.locality && ` in ${endpoint.locality}`)))
    : [h("div", { class: "card gap" }, h("h4", {}, "None"), h("p", {}, expose.problem || "no instance is up with an ip that lists this expose"))]));
  if (expose.addresses.length > 30) {
    result.at(-1).append(h("p", { class: "none" }, `and ${expose.addresses.length - 30} more`));
  }
  return result;
}

/** Draws the lines between the cards of a picture; none where they stand below each other. */
function connect(picture) {
  const lines = picture.querySelector("svg");
  lines.replaceChildren();
  if (getComputedStyle(lines).display === "none") return;
  const frame = picture.getBoundingClientRect();
  lines.setAttribute("width", picture.scrollWidth);
  lines.setAttribute("height", picture.scrollHeight);
  const cards = new Map([...picture.querySelectorAll(".card")].map((c) => [c.dataset.key, c]));
  for (const from of cards.values()) {
    for (const key of (from.dataset.to || "").split(" ").filter(Boolean)) {
      const to = cards.get(key);
      if (!to) continue;
      const a = from.getBoundingClientRect();
      const b = to.getBoundingClientRect();
      const left = [a.right - frame.left + picture.scrollLeft, a.top + Math.min(a.height / 2, 28) - frame.top];
      const right = [b.left - frame.left + picture.scrollLeft, b.top + Math.min(b.height / 2, 28) - frame.top];
      const middle = (left[0] + right[0]) / 2;
      const line = document.createElementNS(SVG, "path");
      line.setAttribute("d", `M${left} C${middle},${left[1]} ${middle},${right[1]} ${right}`);
      lines.append(line);
    }
  }
}

function picture(expose) {
  const lines = document.createElementNS(SVG, "svg");
  lines.setAttribute("aria-hidden", "true");
  const drawn = h("div", { class: "picture", tabindex: "0", role: "group", "aria-label": "The way of a request" },
    h("ol", { class: "stages" }, stages(expose)));
  drawn.prepend(lines);
  new ResizeObserver(() => connect(drawn)).observe(drawn);
  return drawn;
}

function example_url(expose) {
  const [address, port] = [expose.listener.replace(/:\d+\/\w+$/, ""), /:(\d+)\//.exec(expose.listener)[1]];
  const name = expose.names.find((n) => !n.includes("*")) || (/^(0\.0\.0\.0|\[::\])$/.test(address) ? "localhost" : address);
  const scheme = { http: "http", https: "https", tcp: "tcp", tls: "tls", passthrough: "tls", udp: "udp" }[expose.traffic];
  const usual = { http: "80", https: "443", tls: "443" }[scheme] === port;
  return `${scheme}://${name}${usual ? "" : `:${port}`}${scheme.startsWith("http") ? "/" : ""}`;
}

function page(expose) {
  const words = (kind, name) => h("a", { href: `/api/v1/resources/${kind}/${encodeURIComponent(name)}` }, kind);
  return [
    h("p", { class: "crumbs" }, h("a", { href: "#/exposes" }, "Exposes"), " / ",
      h("a", { href: `#/exposes?q=${encodeURIComponent(expose.service)}` }, expose.service)),
    h("h2", {}, expose.id, " ", badge(expose.standing)),
    expose.refusals.map((refusal) => h("article", { class: "finding bad" },
      h("h3", {}, mark_of("refused by Envoy", "!", "bad"), ` ${refusal.node}`),
      h("p", { class: "message" }, refusal.text), refusal.advice && h("p", { class: "hint" }, refusal.advice),
      h("p", {}, `About ${refusal.resource}`))),
    expose.findings.map((found) => finding(found)),
    expose.chain && expose.cluster
      ? [h("h3", { class: "unseen" }, "The way of a request"), picture(expose),
        h("p", { class: "links" }, h("a", { class: "button", href: `#/explain?url=${encodeURIComponent(example_url(expose))}` }, "Explain a request to it"),
          " Envoy's own words: ", words("listener", expose.listener), ", ", words("cluster", expose.id), ", ", words("endpoints", expose.id))]
      : h("p", { class: "empty" }, "Envoy has nothing of it."),
  ].flat(2).filter(Boolean);
}

export function expose_view({ known, argument, main }) {
  let turn = 0;
  let drawn;
  main.replaceChildren(h("h2", {}, argument), h("p", { class: "empty" }, "Loading…"));

  async function draw() {
    const mine = ++turn;
    try {
      const expose = await get(`/api/v1/exposes/${encodeURIComponent(argument)}`);
      const state = JSON.stringify(expose);
      // What did not change is left alone: somebody may be copying from it.
      if (mine !== turn || state === drawn) return;
      drawn = state;
      redraw(main, page(expose));
    } catch (error) {
      drawn = null;
      if (mine === turn) redraw(main, h("h2", {}, argument), h("p", { class: "empty" }, error.message), h("p", {}, h("a", { href: "#/exposes" }, "All exposes")));
    }
  }

  return {
    // What is in the picture may differ although the summary does not; so any change of Envoy's state counts.
    update(changed) {
      const state = JSON.stringify(known.status?.resources);
      if (changed === null || changed.has(argument) || state !== this.state) draw();
      this.state = state;
    },
    leave() { turn = -1; },
  };
}
