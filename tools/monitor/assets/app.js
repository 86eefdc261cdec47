// The dashboard: a stream of overviews in, views out. No framework; text from servers only ever becomes text nodes.
"use strict";

const main = document.getElementById("main");
const KEEP = 3600;                       // samples a chart looks back on when there is no history
let overview = { targets: [], alerts: [], events: [] };
let marks = [];                          // events drawn on the charts
let view = null;                         // {update(), close()} of what is shown
const samples = new Map();               // url -> {at: [], NAME: []}

// ---- small tools ---------------------------------------------------------------------------------------------

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined).map(to_node));
  return node;
}
const to_node = child => child instanceof Node ? child : document.createTextNode(String(child));

function human(value, unit = "") {
  if (value === null || value === undefined) return "–";
  const base = unit === "B" ? 1024 : 1000;
  let step = 0;
  while (Math.abs(value) >= 999.5 && step < 5) { value /= base; step += 1; }
  const digits = step === 0 ? (Number.isInteger(value) ? 0 : 1) : Math.max(0, 3 - Math.floor(Math.abs(value)).toString().length);
  return value.toFixed(digits) + ["", unit ? "K" : "k", "M", "G", "T", "P"][step] + unit;
}
const percent = value => value === null || value === undefined ? "–" : value.toFixed(0) + " %";
const millis = value => value === null || value === undefined ? "–" : value.toFixed(value < 10 ? 2 : 0) + " ms";
function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  for (const [name, size] of [["d", 86400], ["h", 3600], ["min", 60]]) if (seconds >= size) return Math.floor(seconds / size) + " " + name;
  return seconds + " s";
}
const clock = ms => new Date(ms).toLocaleString();
const level = url => overview.alerts.filter(alert => alert.target === url && !alert.silenced).map(alert => alert.level).sort()[0] ?? "";

async function fetch_json(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function table(head, rows, caption) {
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    element("table", {},
      element("thead", {}, element("tr", {}, head.map(([name, kind]) => element("th", { scope: "col", class: kind ?? null }, name)))),
      element("tbody", {}, rows.map(cells => element("tr", {}, cells.map((cell, place) => element("td", { class: head[place][1] ?? null }, cell)))))));
}

const link = target => element("a", { href: "#target=" + encodeURIComponent(target.url) },
  element("span", { class: "dot " + (target.failure ? "critical" : level(target.url)) }, target.address));

// ---- views ---------------------------------------------------------------------------------------------------

const sum = name => overview.targets.reduce((total, target) => total + (target.values[name] ?? 0), 0);

function overview_view() {
  const cards = element("div", { class: "cards" });
  const list = element("div");
  main.replaceChildren(element("h2", {}, "All servers"), cards, list);
  const update = () => {
    const up = overview.targets.filter(target => !target.failure).length;
    const hits = sum("hit/s"), misses = sum("mis/s");
    const facts = [["servers up", `${up} / ${overview.targets.length}`], ["commands / s", human(sum("cmd/s"))], ["clients", human(sum("cl"))],
      ["memory", human(sum("mem"), "B")], ["keys", human(sum("keys"))], ["hit rate", hits + misses > 0 ? percent(100 * hits / (hits + misses)) : "–"],
      ["alerts", String(overview.alerts.length)]];
    cards.replaceChildren(...facts.map(([name, value]) => element("div", { class: "card" }, element("span", {}, name), element("b", {}, value))));
    const rows = overview.targets.map(target => target.failure
      ? [link(target), "down", target.failure, ...Array(8).fill("")]
      : [link(target), target.role, target.version, duration(target.uptime), human(target.values["cl"]), human(target.values["mem"], "B"), human(target.values["keys"]),
         human(target.values["cmd/s"]), percent(target.values["hit%/s"]), percent((target.values["us"] ?? 0) + (target.values["sy"] ?? 0)), millis(target.values["ping"])]);
    replace(list, table([["server"], ["role"], ["version"], ["up", "number"], ["clients", "number"], ["memory", "number"], ["keys", "number"],
      ["cmd/s", "number"], ["hits", "number"], ["CPU", "number"], ["ping", "number"]], rows, "Servers"));
  };
  return { update };
}

// Shows content in place of what a holder has: nodes of the same shape stay, so focus, scroll position and a click under way survive.
// Only for content without listeners.
function replace(holder, content) {
  if (holder.firstChild) morph(holder.firstChild, content); else holder.append(content);
}

function morph(from, to) {
  if (from.nodeName !== to.nodeName) return from.replaceWith(to);
  if (from instanceof Text) { if (from.data !== to.data) from.data = to.data; return; }
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  for (const { name, value } of to.attributes) if (name !== "open" && from.getAttribute(name) !== value) from.setAttribute(name, value);
  const old = [...from.childNodes], fresh = [...to.childNodes];
  fresh.forEach((child, place) => { if (place < old.length) morph(old[place], child); else from.append(child); });
  old.slice(fresh.length).forEach(child => child.remove());
}

function topology_view() {
  fetch_json(`/api/events?from=${Date.now() - KEEP * 1000}`).then(note, () => {});
  const trees = element("div"), events = element("div");
  main.replaceChildren(element("h2", {}, "Topology"), trees, events);
  const update = () => {
    const by_address = new Map(overview.targets.map(target => [target.address, target]));
    const named = address => by_address.has(address) ? link(by_address.get(address)) : address;
    const followers = target => (target.topology?.replicas ?? []).map(replica =>
      element("li", {}, named(replica.address), ` replica, ${replica.state}, lag ${replica.lag ?? "?"} s`));
    const primaries = overview.targets.filter(target => target.role === "master").map(target => element("li", {}, link(target),
      " primary", target.topology.slot_count ? `, ${target.topology.slot_count} slots: ${target.topology.slots}` : "",
      element("ul", { class: "tree" }, followers(target))));
    const sentinels = overview.targets.filter(target => target.role === "sentinel").map(target => element("li", {}, link(target), " Sentinel",
      element("ul", { class: "tree" }, target.topology.watched.map(set =>
        element("li", {}, `${set.name}: `, named(set.address), ` ${set.flags}, ${set.replicas} replicas, ${set.sentinels} Sentinels`)))));
    const lost = overview.targets.filter(target => target.role === "slave" && target.topology.link !== "up").map(target =>
      element("li", { class: "critical-text" }, link(target), ` has no link to ${target.topology.primary}`));
    const dead = overview.targets.filter(target => target.failure).map(target => element("li", { class: "critical-text" }, link(target), " " + target.failure));
    replace(trees, element("ul", { class: "tree" }, primaries, sentinels, lost, dead));
    replace(events, event_list(marks.filter(mark => mark.kind !== "alert").map(mark => ({ ...mark, text: `${mark.target}: ${mark.text}` }))));
  };
  return { update };
}

function alerts_view() {
  const now = element("div"), past = element("div");
  main.replaceChildren(element("h2", {}, "Firing"), now, element("h2", {}, "What was"), past);
  const row = alert => [element("span", { class: "dot " + (alert.level === "ok" ? "" : alert.level) }, alert.level === "ok" ? "resolved" : alert.level),
    alert.alert, alert.target, alert.text + (alert.silenced ? " (silenced)" : ""), alert.advice, clock(alert.at)];
  const head = [["level"], ["alert"], ["server"], ["what", "long"], ["what to do", "long"], ["since"]];
  const update = async () => {
    replace(now, overview.alerts.length ? table(head, overview.alerts.map(row), "Firing alerts") : element("p", { class: "faint" }, "Nothing fires."));
    const { past: events } = await fetch_json("/api/alerts");
    replace(past, table(head.with(5, ["when"]), events.map(row), "Past alerts"));
  };
  return { update };
}

// ---- one server ----------------------------------------------------------------------------------------------

const bytes = value => human(value, "B");
// Steps of an axis of bytes: 1, 2, 4, ... so that its labels are round.
const BINARY_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);
const CHARTS = [
  ["Commands a second", ["cmd/s"], value => human(value)],
  ["Memory", ["mem", "rss"], bytes],
  ["Hit rate, per cent", ["hit%/s"], value => human(value)],
  ["Hits and misses a second", ["hit/s", "mis/s"], value => human(value)],
  ["Clients", ["cl", "bcl"], value => human(value)],
  ["Network a second", ["in/s", "out/s"], bytes],
  ["Response time, ms", ["ping"], value => human(value)],
  ["CPU, per cent of a core", ["us", "sy"], value => human(value)],
  ["Keys", ["keys"], value => human(value)],
  ["Expired and evicted a second", ["exp/s", "evt/s"], value => human(value)],
];
// Those that the visitor works in must stay as they are; the others follow the server.
const STILL = ["Top keys", "Configuration", "Console", "Admin"];
const tabs_of = () => ["Slow log", "Commands", ...overview.console ? ["Top keys"] : [], "Clients", "Configuration", "Info",
  ...overview.console ? ["Console"] : [], ...overview.admin ? ["Admin"] : []];

function resolved(name) {
  const probe = element("i", { class: name });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function chart(title, names, format, url) {
  const figure = element("figure", {}, element("figcaption", {}, title));
  const faint = resolved("faint"), strokes = [resolved("first-series"), resolved("second-series")];
  const axis = { stroke: faint, grid: { stroke: faint, width: .15 }, ticks: { stroke: faint, width: .3 }, font: "11px system-ui" };
  const options = {
    width: 320, height: 150, cursor: { sync: { key: "all" } }, legend: { live: true },
    series: [{}, ...names.map((name, place) => ({ label: name, stroke: strokes[place], width: 1.5, value: (_, value) => format(value) }))],
    axes: [axis, { ...axis, ...format === bytes ? { incrs: BINARY_STEPS } : {}, size: 56, values: (_, ticks) => ticks.map(format) }],
    scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.05 : 1] } },
    hooks: { draw: [plot => draw_marks(plot, url)] },
  };
  const plot = new uPlot(options, data_of(url, names), figure);
  const watcher = new ResizeObserver(() => plot.setSize({ width: Math.max(200, figure.clientWidth - 20), height: 150 }));
  watcher.observe(figure);
  return { figure, update: () => plot.setData(data_of(url, names)), close: () => { watcher.disconnect(); plot.destroy(); } };
}

// Failovers, restarts, slot moves and alerts as vertical lines.
function draw_marks(plot, url) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = resolved("critical-text");
  ctx.setLineDash([4, 4]);
  for (const mark of marks.filter(mark => mark.target === url)) {
    const x = plot.valToPos(mark.at / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
  }
  ctx.restore();
}

function data_of(url, names) {
  const own = samples.get(url) ?? { at: [] };
  return [own.at.map(at => at / 1000), ...names.map(name => own[name] ?? own.at.map(() => null))];
}

function target_view(url) {
  const details = element("div", { role: "tabpanel", id: "panel", "aria-labelledby": "tab-0" }), events = element("div");
  const charts = CHARTS.map(([title, names, format]) => chart(title, names, format, url));
  const names = tabs_of(), bar = element("div", { class: "tabs", role: "tablist", "aria-label": "Details" });
  let tab = 0, shown = null;
  const show = async () => {
    const asked = tab;
    [...bar.children].forEach((button, place) => { button.setAttribute("aria-selected", place === tab); button.tabIndex = place === tab ? 0 : -1; });
    details.setAttribute("aria-labelledby", `tab-${tab}`);
    try {
      const facts = await fetch_json("/api/target?url=" + encodeURIComponent(url));
      if (asked !== tab) return;
      const content = panel(names[tab], facts, url);
      // What follows the server has no listeners; a panel of another tab may have some.
      if (shown === tab) replace(details, content); else details.replaceChildren(content);
      shown = tab;
    } catch (problem) { shown = null; details.replaceChildren(element("p", { class: "critical-text" }, problem.message)); }
  };
  const choose = place => { tab = (place + names.length) % names.length; show(); };
  bar.append(...names.map((name, place) => element("button", { role: "tab", type: "button", id: `tab-${place}`, "aria-controls": "panel", onclick: () => choose(place) }, name)));
  bar.addEventListener("keydown", event => {
    const place = { ArrowLeft: tab - 1, ArrowRight: tab + 1, Home: 0, End: names.length - 1 }[event.key];
    if (place === undefined) return;
    event.preventDefault();
    choose(place);
    bar.children[tab].focus();
  });
  main.replaceChildren(element("h2", {}, url), element("div", { class: "charts" }, charts.map(one => one.figure)), events, bar, details);
  show();
  const timer = setInterval(() => { if (!STILL.includes(names[tab])) show(); }, 5000);
  const update = () => { charts.forEach(one => one.update()); replace(events, event_list(marks.filter(mark => mark.target === url))); };
  preload(url).then(update, () => {});
  return { update, close: () => { clearInterval(timer); charts.forEach(one => one.close()); } };
}

// Failovers, slot moves, restarts and alerts in words; the charts have a line for each.
function event_list(events) {
  if (events.length === 0) return element("p", { class: "faint" }, "No events.");
  const newest = events.slice(-12).reverse();
  return element("details", { class: "events", open: "" }, element("summary", {}, "Events"),
    element("ul", {}, newest.map(mark => element("li", {}, element("time", {}, clock(mark.at)), ` ${mark.kind}: ${mark.text}`))));
}

function panel(name, facts, url) {
  if (facts.failure) return element("p", { class: "critical-text" }, facts.failure);
  switch (name) {
    case "Slow log": {
      const calls = [...facts.slowlog].sort((a, b) => b.took_us - a.took_us);
      return table([["ms", "number"], ["when"], ["client"], ["command", "long"]],
        calls.map(call => [(call.took_us / 1000).toFixed(3), clock(call.at * 1000), call.name || call.client, call.command]), "Slow log");
    }
    case "Commands": {
      const busy = facts.recent.reduce((total, one) => total + one.usec, 0);
      const recent = table([["command"], ["calls/s", "number"], ["µs a call", "number"], ["share of time", "number"]],
        facts.recent.slice(0, 20).map(one => [one.command, human(one.calls), (one.usec / one.calls).toFixed(2), percent(busy > 0 ? 100 * one.usec / busy : null)]), "Top commands");
      const all = [...facts.commands].sort((a, b) => b.usec - a.usec);
      return element("div", {}, element("h2", {}, "Top commands of the last minute"), recent, element("h2", {}, "Since the start"),
        table([["command"], ["calls", "number"], ["seconds", "number"], ["µs a call", "number"], ["failed", "number"], ["rejected", "number"]],
        all.map(one => [one.command, human(one.calls), (one.usec / 1e6).toFixed(3), (one.usec / Math.max(1, one.calls)).toFixed(2), one.failed ?? "–", one.rejected ?? "–"]), "Commands"));
    }
    case "Clients": {
      const keys = ["id", "addr", "name", "user", "age", "idle", "db", "cmd", "tot-mem", "qbuf"];
      return table(keys.map(key => [key]), facts.clients.map(client => keys.map(key => client[key] ?? "")), `${facts.client_count} clients`);
    }
    case "Top keys": return keys_panel(url);
    case "Configuration": return config_panel(url, facts.config);
    case "Console": return console_panel(url, address_of(url));
    case "Admin": return admin_panel(url, address_of(url));
    default: return element("div", {}, Object.entries(facts.info).map(([section, fields]) =>
      element("section", {}, element("h2", {}, section), table([["field"], ["value", "long"]], fields, section))));
  }
}

const address_of = url => overview.targets.find(target => target.url === url)?.address ?? url;

// ---- data ----------------------------------------------------------------------------------------------------

// What was before the page came: events, and with a history samples.
async function preload(url) {
  const since = Date.now() - KEEP * 1000;
  note(await fetch_json(`/api/events?from=${since}`));
  if (!overview.history || samples.get(url)?.loaded) return;
  const history = await fetch_json(`/api/history?target=${encodeURIComponent(url)}&from=${since}`);
  const live = samples.get(url), first = live?.at[0] ?? Infinity;
  const count = history.at.filter(at => at < first).length;
  const merged = { loaded: true, at: [...history.at.slice(0, count), ...(live?.at ?? [])] };
  for (const [name, values] of Object.entries(history.series)) merged[name] = [...values.slice(0, count), ...(live?.[name] ?? [])];
  samples.set(url, merged);
}

// Takes events in, each once, oldest first.
function note(events) {
  const known = new Set(marks.map(mark => mark.at + mark.target + mark.text));
  marks = [...marks, ...events.filter(mark => !known.has(mark.at + mark.target + mark.text))].sort((a, b) => a.at - b.at).slice(-1000);
}

function remember(target) {
  if (target.failure) return;
  const own = samples.get(target.url) ?? { at: [] };
  if (own.at.at(-1) === target.at) return;
  own.at.push(target.at);
  for (const [name, value] of Object.entries(target.values)) (own[name] ??= own.at.slice(1).map(() => null)).push(value);
  if (own.at.length > KEEP) for (const values of Object.values(own)) if (Array.isArray(values)) values.shift();
  samples.set(target.url, own);
}

function route() {
  view?.close?.();
  const place = decodeURIComponent(location.hash.slice(1)) || "overview";
  const url = place.startsWith("target=") ? place.slice(7) : null;
  view = url ? target_view(url) : ({ topology: topology_view, alerts: alerts_view }[place] ?? overview_view)();
  for (const anchor of document.querySelectorAll("nav a")) {
    if (anchor.hash === "#" + place) anchor.setAttribute("aria-current", "page"); else anchor.removeAttribute("aria-current");
  }
  view.update();
}

function listen() {
  const state = document.getElementById("state"), badge = document.getElementById("alert-count");
  const source = new EventSource("/api/stream");
  source.onmessage = message => {
    overview = JSON.parse(message.data);
    overview.targets.forEach(remember);
    note(overview.events);
    state.textContent = "live, " + new Date(overview.at).toLocaleTimeString();
    badge.hidden = overview.alerts.length === 0;
    badge.textContent = overview.alerts.length;
    view?.update();
  };
  source.onerror = () => { state.textContent = "connection lost, trying again"; };
}

addEventListener("hashchange", () => { route(); main.focus({ preventScroll: true }); scrollTo(0, 0); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", route);
// The first overview says which views there are.
fetch_json("/api/overview").then(first => { overview = first; overview.targets.forEach(remember); note(overview.events); }, () => {}).then(() => { route(); listen(); });
