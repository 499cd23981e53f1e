// Elements from data. Text is only ever set as text, so nothing that a service writes is markup.

/** An element: h("p", { class: "note" }, "text", otherElement). Falsy children are left out. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(3).filter((child) => child || child === 0));
  return element;
}

/** What the standings of exposes are called, worst first. */
export const STANDINGS = {
  refused: { word: "Refused", mark: "✕", tone: "bad" },
  refused_by_envoy: { word: "Refused by Envoy", mark: "!", tone: "bad" },
  waiting: { word: "Waiting for a secret", mark: "◔", tone: "poor" },
  kept: { word: "Older version served", mark: "◐", tone: "poor" },
  no_endpoints: { word: "No endpoint is up", mark: "○", tone: "poor" },
  served: { word: "Served", mark: "●", tone: "good" },
};

export function badge(standing) {
  const { word, mark, tone } = STANDINGS[standing];
  return mark_of(word, mark, tone);
}

/** A word with a mark of its own, so that colour is not all that tells. */
export function mark_of(word, mark, tone) {
  return h("span", { class: `badge ${tone}` }, h("span", { "aria-hidden": "true" }, mark), ` ${word}`);
}

/** A long name that breaks, where it must, after what joins its parts. */
export function breakable(text) {
  return text.split(/(?<=[.:/#])/).flatMap((part, n) => (n ? [h("wbr"), part] : [part]));
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** A duration for people: 0.4 ms, 12 ms, 3.2 s, 5 min, 3 h, 12 days. */
export function duration(seconds) {
  const ms = seconds * 1000;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/** A point in time, with its distance from now. */
export function time(text) {
  const seconds = (Date.now() - Date.parse(text)) / 1000;
  const words = seconds < 1 && seconds > -1 ? "just now"
    : seconds >= 0 ? `${duration(seconds)} ago` : `in ${duration(-seconds)}`;
  return h("time", { datetime: text, title: text }, words);
}

/**
 * Draws what is in an element anew. What has the focus keeps it, and what was unfolded stays so:
 * found again by what it says and which of those that say the same it is.
 */
export function redraw(element, ...children) {
  const same = (a) => [...element.querySelectorAll(a.tagName)].filter((b) => key(b) === key(a));
  const key = (e) => e.getAttribute("href") || e.textContent;
  const place = (e) => ({ tag: e.tagName, key: key(e), turn: same(e).indexOf(e) });
  const find = ({ tag, key: wanted, turn }) => {
    const all = [...element.querySelectorAll(tag)].filter((e) => key(e) === wanted);
    return all[turn] || all[0];
  };
  const active = document.activeElement;
  const focused = element.contains(active) && active !== element && place(active);
  const unfolded = [...element.querySelectorAll("details[open] > summary")].map(place);
  element.replaceChildren(...children.flat(3).filter(Boolean));
  for (const summary of unfolded) find(summary)?.parentElement.setAttribute("open", "");
  if (focused) find(focused)?.focus({ preventScroll: true });
}

export function expose_link(id, text = id) {
  return h("a", { href: `#/expose/${encodeURIComponent(id)}` }, text);
}

export async function get(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail || response.statusText);
  return body;
}

/** A command with a button that copies it. */
export function command(text) {
  const button = h("button", { type: "button", class: "copy", onclick: copy }, "Copy");
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }
  const code = h("code", {}, text);
  return h("div", { class: "command" }, code, button);
}

/** What is wrong, why, and the very line to change. */
export function finding(found, { service = false } = {}) {
  const tone = { error: "bad", warning: "poor", info: "plain" }[found.severity];
  const mark = { error: "✕", warning: "!", info: "i" }[found.severity];
  return h("article", { class: `finding ${tone}` },
    h("h3", {}, mark_of(found.severity, mark, tone), " ", found.title || found.code),
    h("p", { class: "message" }, service && h("b", {}, `${found.service} `), found.message),
    found.hint && h("p", { class: "hint" }, found.hint),
    found.section && h("pre", { class: "line", "aria-label": "The line to change" },
      `[${found.section}]\n`,
      found.keyword && h("mark", {}, `${found.keyword} = ${found.value ?? ""}`)),
    found.command && command(found.command),
    found.incumbent && h("p", {}, "Held by ", expose_link(found.incumbent)),
    found.explanation && h("details", {}, h("summary", {}, "Why"), h("p", {}, found.explanation), h("p", { class: "code" }, found.code)));
}
