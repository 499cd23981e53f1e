// The overview, certificates and Envoys.

import { h, get, mark_of, time, duration, plural, expose_link, redraw } from "./dom.js";
import { row, select, tallies } from "./exposes.js";

/** How many troubled exposes the overview shows. */
const TROUBLES = 8;

/** How many resources are named for each type of a change. */
const NAMED = 2;

const DAY = 86400;

function validity(secret) {
  const left = secret.remaining_seconds;
  if (left == null) return mark_of(secret.file ? "in a file" : "unknown", "?", "plain");
  if (left < 0) return mark_of("expired", "✕", "bad");
  if (left < 7 * DAY) return mark_of("expires soon", "!", "bad");
  if (left < 30 * DAY) return mark_of("expires this month", "!", "poor");
  return mark_of("valid", "●", "good");
}

function certificate_row(secret) {
  const what = secret.leaf ? secret.leaf.subject
    : (secret.anchors || []).map((anchor) => anchor.subject).join(", ") || secret.file || "";
  const names = secret.leaf?.names || [];
  return h("tr", {},
    h("td", {}, validity(secret)),
    h("td", { "data-label": "Expires" }, secret.not_after ? time(secret.not_after) : "unknown"),
    h("th", { scope: "row" }, secret.name.replace(/^[^/]*\//, ""), h("small", {}, secret.kind === "trust" ? " trust" : "")),
    h("td", { "data-label": "For" }, names.slice(0, 6).join(", ") + (names.length > 6 ? ` and ${names.length - 6} more` : ""), h("small", {}, ` ${what}`)),
    h("td", { "data-label": "Used by" }, secret.exposes.slice(0, 3).map((id, n) => [n > 0 && ", ", expose_link(id)]),
      secret.exposes.length > 3 && ` and ${secret.exposes.length - 3} more`));
}

function table(head, rows, label) {
  return h("div", { class: "scroll" }, h("table", { "aria-label": label },
    h("thead", {}, h("tr", {}, head.map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, rows)));
}

export function certificates_view({ known, main }) {
  const body = h("div", {}, h("p", { class: "empty" }, "Loading…"));
  main.replaceChildren(h("h2", {}, "Certificates, the first to expire first"), body);
  async function draw() {
    let all;
    try {
      all = await get("/api/v1/certificates");
    } catch (error) {
      // The next news tries again.
      version = null;
      return redraw(body, h("p", { class: "empty" }, `Certificates cannot be read: ${error.message}`));
    }
    redraw(body, all.length
      ? table(["State", "Expires", "Secret", "For", "Used by"], all.slice(0, 500).map(certificate_row), "Certificates")
      : h("p", { class: "empty" }, "No certificate is served."));
  }
  let version;
  return {
    update() {
      const current = known.status?.resources.secret.version;
      if (current !== version) draw();
      version = current;
    },
  };
}

const TYPES = ["cluster", "endpoints", "secret", "listener", "routes"];

function envoy_article(envoy, resources) {
  const behind = envoy.lag_seconds > 0;
  const state = envoy.refusals.length ? mark_of("refused something", "!", "bad")
    : behind ? mark_of("owes an answer", "◔", "poor") : mark_of("up to date", "●", "good");
  const rows = TYPES.filter((type) => envoy.types[type]).map((type) => {
    const of = envoy.types[type];
    const refused = envoy.refusals.filter((refusal) => refusal.type === type).length;
    // What it refused is left out of what it is sent, and of the version that it then acknowledges.
    const current = of.acknowledged === resources?.[type]?.version && !refused;
    return h("tr", {}, h("th", { scope: "row" }, type),
      h("td", { class: "version", "data-label": "Acknowledged" }, of.acknowledged || "nothing", current && " ✓"),
      h("td", { "data-label": "Sent" }, `${of.sent_bytes.toLocaleString("en")} bytes`),
      h("td", {}, refused > 0 && `${refused} refused `, of.withheld && "private keys withheld: connect by the unix socket", of.unacknowledged > 0 && plural(of.unacknowledged, "response unanswered", "responses unanswered")));
  });
  return h("article", { class: "envoy" },
    h("h3", {}, envoy.node || "(no name)", " ", state),
    h("p", {}, `${envoy.variant === "delta" ? "Delta" : "State of the world"}, by ${envoy.transport}, connected `, time(envoy.connected),
      behind && `, waiting for ${duration(envoy.lag_seconds)}`),
    envoy.refusals.map((refusal) => h("div", { class: "finding bad" },
      h("p", { class: "message" }, refusal.text),
      h("p", {}, `${refusal.type} ${refusal.resource || ""}: `, refusal.exposes.map((id, n) => [n > 0 && ", ", expose_link(id)])))),
    table(["Type", "Acknowledged", "Sent", "Remarks"], rows, `What ${envoy.node} has`));
}

/** What connected Envoys refuse, each as its type and name. */
const refused_by = (envoys) => new Set(envoys.flatMap((envoy) => envoy.refusals.map((refusal) => `${refusal.type} ${refusal.resource}`)));

function change_item(change, refused) {
  const parts = Object.entries(change.parts).map(([type, part]) => {
    const [set, removed] = [part.put, part.removed].map((n) => n.toLocaleString("en"));
    const what = part.removed ? (part.put ? `${set} set, ${removed} removed: ` : "removed: ") : "";
    const more = part.put + part.removed - NAMED;
    const names = part.names.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${more.toLocaleString("en")} more` : "");
    return h("span", { class: "part" }, h("b", {}, type), ` ${what}${names}`);
  });
  const spread = change.outstanding ? mark_of(`${change.outstanding} outstanding`, "◔", "poor")
    : change.acknowledged ? mark_of(`acknowledged by ${change.acknowledged}`, "●", "good") : mark_of("no Envoy then", "○", "plain");
  const is_refused = Object.entries(change.parts).some(([type, part]) => part.names.some((name) => refused.has(`${type} ${name}`)));
  return h("li", {}, h("span", {}, time(change.at), " ", spread, is_refused && [" ", mark_of("refused in part", "!", "bad")],
    change.event_to_ack_seconds != null && h("b", { class: "took" }, ` ${duration(change.event_to_ack_seconds)}`)), parts);
}

function changes_list(changes, envoys) {
  const refused = refused_by(envoys);
  return changes.length ? h("ol", { class: "changes" }, changes.map((change) => change_item(change, refused)))
    : h("p", { class: "empty" }, "Nothing changed yet.");
}

export function envoys_view({ known, main }) {
  const envoys = h("div");
  const changes = h("div");
  main.replaceChildren(h("h2", {}, "Envoys"), envoys, h("h2", {}, "Recent changes, and the time from event to acknowledgement"), changes);
  function draw() {
    if (!known.status) return redraw(envoys, h("p", { class: "empty" }, "Loading…"));
    redraw(envoys, known.envoys.length
      ? known.envoys.map((envoy) => envoy_article(envoy, known.status?.resources))
      : h("p", { class: "empty" }, "No Envoy is connected."));
    redraw(changes, changes_list(known.changes, known.envoys));
  }
  return { update: draw, tick: draw };
}

/** How much was found in configurations, of exposes and beside them. */
function findings_line({ findings }) {
  const parts = [["error", "bad", "✕"], ["warning", "poor", "!"]].filter(([severity]) => findings[severity]);
  return parts.length > 0 && [h("h2", {}, "Findings"),
    h("p", {}, h("a", { href: "#/findings" }, "In configurations"), parts.map(([severity, tone, mark]) => [" ", mark_of(plural(findings[severity], severity), mark, tone)]))];
}

export function overview({ known, main }) {
  const body = h("div", {}, h("p", { class: "empty" }, "Loading…"));
  main.replaceChildren(h("h2", { class: "unseen" }, "Overview"), body);
  let certificates = null;
  let version;

  function troubles() {
    const all = select(known.exposes, new URLSearchParams()).filter((expose) => expose.standing !== "served");
    if (!all.length) {
      return h("p", { class: "fine" }, mark_of(known.exposes.size ? "Everything that services expose is served" : "No service exposes anything to this gateway", "●", "good"));
    }
    return [
      h("ul", { class: "rows" }, all.slice(0, TROUBLES).map(row)),
      all.length > TROUBLES && h("p", {}, h("a", { href: "#/exposes" }, `All ${all.length.toLocaleString("en")}`)),
    ];
  }

  function draw() {
    if (!known.status) return;
    redraw(body,
      tallies(known.status),
      h("section", { "aria-label": "To mend" }, h("h2", {}, "To mend"), ...[troubles()].flat().filter(Boolean)),
      h("div", { class: "columns" },
        h("section", {}, findings_line(known.status),
          h("h2", {}, "Envoys"), known.envoys.length
          ? h("ul", { class: "plain" }, known.envoys.slice(0, 6).map((envoy) => h("li", {},
              h("a", { href: "#/envoys" }, envoy.node || "(no name)"), " ",
              envoy.refusals.length ? mark_of("refused something", "!", "bad") : envoy.lag_seconds ? mark_of("owes an answer", "◔", "poor") : mark_of("up to date", "●", "good"))))
          : h("p", { class: "empty" }, "No Envoy is connected."),
          h("h2", {}, "Next to expire"), certificates === null ? h("p", {}, "…")
            : certificates.length ? h("ul", { class: "plain" }, certificates.slice(0, 4).map((secret) => h("li", {},
                h("a", { href: "#/certificates" }, secret.name.replace(/^[^/]*\//, "")), secret.kind === "trust" && h("small", {}, " trust"), " ",
                secret.not_after && time(secret.not_after), " ", validity(secret))))
              : h("p", { class: "empty" }, "No certificate is served.")),
        h("section", {}, h("h2", {}, "Recent changes"), changes_list(known.changes.slice(0, 6), known.envoys))));
  }

  return {
    update() {
      const current = known.status?.resources.secret.version;
      if (current && current !== version) {
        version = current;
        get("/api/v1/certificates").then((all) => { certificates = all; draw(); }, () => {});
      }
      draw();
    },
    tick: draw,
  };
}
