// The page: what is known, how it stays current, and which view shows it.

import { plural, duration } from "./dom.js";
import { exposes_view } from "./exposes.js";
import { expose_view } from "./path.js";
import { findings_view } from "./findings.js";
import { explain_view } from "./explain.js";
import { overview, certificates_view, envoys_view } from "./panels.js";

const $ = (id) => document.getElementById(id);

/** Everything that the stream of changes told. */
const known = { exposes: new Map(), status: null, envoys: [], changes: [], live: false };

const VIEWS = {
  "": { title: "Overview", open: overview },
  exposes: { title: "Exposes", open: exposes_view },
  expose: { title: "", open: expose_view },
  findings: { title: "Findings", open: findings_view },
  certificates: { title: "Certificates", open: certificates_view },
  envoys: { title: "Envoys", open: envoys_view },
  explain: { title: "Explain a request", open: explain_view },
};

let view = null;

/** `#/expose/ID?a=b` is the view "expose", its argument and its parameters. */
function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  const known_name = VIEWS[name] ? name : "";
  return { name: known_name, argument: decodeURIComponent(rest.join("/")), query: new URLSearchParams(query) };
}

function show() {
  const { name, argument, query } = place();
  // Typing in the search changes the list and not the view.
  if (view && view.name === name && view.argument === argument && view.navigate) {
    view.navigate(query);
  } else {
    view?.leave?.();
    const main = $("main");
    const moved = view !== null;
    view = { name, argument, ...VIEWS[name].open({ known, argument, query, main }) };
    view.update?.(null);
    scrollTo(0, 0);
    if (moved && document.activeElement !== $("q")) main.focus({ preventScroll: true });
  }
  const tab = name === "expose" ? "exposes" : name;
  for (const link of $("tabs").children) {
    const current = link.hash.replace(/^#\/?/, "") === tab;
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (name !== "exposes") $("q").value = "";
  else if (document.activeElement !== $("q")) $("q").value = query.get("q") || "";
  title();
}

/** What the window is called: what is wrong first, as a tab shows little of it. */
function title() {
  const { status } = known;
  const bad = status ? status.exposes.refused + status.exposes.refused_by_envoy : 0;
  const shown = view.argument || VIEWS[view.name].title;
  const gateway = `gateway${status ? ` ${status.gateway}` : ""}`;
  document.title = [bad > 0 && `${bad} refused`, shown, gateway].filter(Boolean).join(" · ");
}

function take(news) {
  if (news.whole) known.exposes.clear();
  for (const id of news.gone) known.exposes.delete(id);
  for (const expose of news.exposes) known.exposes.set(expose.id, expose);
  const changed = new Set([...news.gone, ...news.exposes.map((expose) => expose.id)]);
  if (changed.size && !news.whole) {
    $("news").textContent = `${plural(changed.size, "expose")} changed`;
  }
  known.status = news.status;
  known.envoys = news.envoys;
  known.changes = news.changes;
  known.live = true;
  head();
  view?.update?.(news.whole ? null : changed);
}

function head() {
  const { status, live } = known;
  const link = $("link");
  if (!live || !status) {
    link.className = "link poor";
    link.textContent = status ? "Not live: connecting again" : "Connecting";
    return;
  }
  $("gateway").textContent = status.gateway;
  const following = status.daemon.link === "following";
  link.className = following ? "link good" : "link poor";
  link.textContent = following ? "Live" : "Live, daemon away";
  const banner = $("banner");
  banner.hidden = following;
  if (!following) {
    const why = status.daemon.error ? `: ${status.daemon.error}` : "";
    banner.textContent = status.ready
      ? `The OpenSVC daemon is not followed${why}. Served is what was known ${duration(status.daemon.age_seconds)} ago.`
      : `The OpenSVC daemon's state is not known yet${why}. Nothing is served to Envoys that come now; those that run keep what they have.`;
  }
  title();
}

function follow() {
  const source = new EventSource("/api/v1/events");
  source.addEventListener("news", (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    known.live = false;
    head();
    // The browser connects again by itself, unless it was told that it is no use.
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
  });
}

$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  document.querySelector("#main a.row")?.focus();
});
$("q").addEventListener("input", () => {
  const { name, query } = place();
  const next = new URLSearchParams(name === "exposes" ? query : "");
  const text = $("q").value.trim();
  if (text) next.set("q", text);
  else next.delete("q");
  const hash = `#/exposes${next.size ? `?${next}` : ""}`;
  if (name === "exposes") history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  show();
});
addEventListener("keydown", (event) => {
  const writing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    $("q").focus();
  }
});
addEventListener("hashchange", show);
// Distances from now grow by themselves.
setInterval(() => view?.tick?.(), 15000);

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("main").focus();
});

show();
follow();
