// What asks servers on the visitor's behalf: console, samples of keys, and with --enable-admin changes. All are POSTs of JSON.
"use strict";

async function post_json(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const text = await answer.text();
  let found;
  try { found = JSON.parse(text); } catch { found = { error: text || answer.statusText }; }
  if (!answer.ok) throw Object.assign(new Error(found.error), { confirm: found.confirm });
  return found;
}

// Sends; what the monitor wants confirmed is asked of the visitor. null: thought better of it.
async function post_confirmed(path, body, what) {
  try { return await post_json(path, body); }
  catch (problem) {
    if (!problem.confirm) throw problem;
    const typed = await ask_to_type(problem.confirm, what);
    return typed === null ? null : post_json(path, { ...body, confirmation: typed });
  }
}

function ask_to_type(expected, what) {
  return new Promise(resolve => {
    const input = element("input", { type: "text", autocomplete: "off", spellcheck: "false", "aria-label": `Type ${expected} to confirm` });
    const go = element("button", { type: "submit", class: "danger", disabled: "" }, "Do it");
    input.addEventListener("input", () => { go.disabled = input.value !== expected; });
    const form = element("form", { onsubmit: event => { event.preventDefault(); if (input.value === expected) dialog.close("yes"); } },
      element("p", {}, what), element("p", {}, "Type ", element("b", {}, expected), " to confirm."), input,
      element("p", { class: "row" }, go, element("button", { type: "button", onclick: () => dialog.close("no") }, "Cancel")));
    const dialog = element("dialog", { "aria-label": "Confirm", onclose: () => { resolve(dialog.returnValue === "yes" ? input.value : null); dialog.remove(); } }, form);
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}

const number_field = (label, value) => {
  const input = element("input", { type: "number", min: 0, max: 65535, value, "aria-label": label });
  return { input, label: element("label", {}, label + " ", input) };
};

// ---- console -------------------------------------------------------------------------------------------------

const console_lines = [];                // the visitor's commands, for the arrow keys

function console_panel(url, address) {
  const log = element("pre", { class: "log", role: "log", tabindex: 0, "aria-label": "Replies" });
  const input = element("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-label": "Command", placeholder: "a command, as for redis-cli" });
  const db = number_field("database", 0);
  let place = console_lines.length;
  // A command and, when it comes, its reply stay together.
  const say = (entry, text, kind) => {
    entry.append(element("span", { class: kind ?? null }, text + "\n"));
    log.scrollTop = log.scrollHeight;
  };
  const run = async event => {
    event.preventDefault();
    const line = input.value.trim();
    if (!line) return;
    if (console_lines.at(-1) !== line) console_lines.push(line);
    place = console_lines.length;
    input.value = "";
    const entry = element("div");
    log.append(entry);
    while (log.childElementCount > 200) log.firstElementChild.remove();
    say(entry, `${address}${db.input.value === "0" ? "" : `[${db.input.value}]`}> ${line}`, "prompt");
    try {
      const found = await post_confirmed("/api/console", { target: url, db: Number(db.input.value), line }, line);
      say(entry, found === null ? "(not sent)" : found.text, found?.text.startsWith("(error)") ? "critical-text" : null);
    } catch (problem) { say(entry, problem.message, "critical-text"); }
  };
  input.addEventListener("keydown", event => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    place = Math.min(console_lines.length, Math.max(0, place + step));
    input.value = console_lines[place] ?? "";
  });
  const about = overview.admin ? "Every command. Changes are written to the audit log." : "Commands that the server itself calls reads; changes need --enable-admin.";
  return element("div", {}, element("p", { class: "faint" }, about), log,
    element("form", { class: "row", onsubmit: run }, input, element("button", { type: "submit" }, "Run"), db.label));
}

// ---- top keys ------------------------------------------------------------------------------------------------

function keys_panel(url) {
  const found = element("div", { "aria-live": "polite" }), db = number_field("database", 0);
  const show = (ask, shape) => async () => {
    found.replaceChildren(element("p", { class: "faint" }, "asking the server"));
    try { found.replaceChildren(...shape(await ask())); }
    catch (problem) { found.replaceChildren(element("p", { class: "critical-text" }, problem.message)); }
  };
  const sample = show(() => post_json("/api/keys", { target: url, db: Number(db.input.value) }), sampled);
  const listen = show(() => post_json("/api/monitor", { target: url, seconds: 1 }), heard);
  return element("div", {},
    element("p", { class: "faint" }, "A sample walks at most 5,000 keys for at most 2 seconds (SCAN, MEMORY USAGE, OBJECT FREQ)."),
    element("p", { class: "row" }, element("button", { type: "button", onclick: sample }, "Take a sample"), db.label,
      overview.admin ? element("button", { type: "button", onclick: listen, title: "It slows a busy server" }, "Listen for a second with MONITOR") : null),
    found);
}

function sampled(facts) {
  const keys = list => list.map(key => [key.key, key.type, human(key.bytes, "B"), key.frequency ?? "–"]);
  const head = [["key", "long"], ["type"], ["memory", "number"], ["frequency", "number"]];
  const hot = (list, unit) => list.map(key => [key.key, human(key.value, unit)]);
  return [
    element("p", {}, facts.whole ? `All ${facts.sampled} keys.` : `${facts.sampled} of ${facts.size} keys.`),
    ...facts.sketch ? [
      element("h2", {}, "Hot keys, as the server counts them"),
      table([["key", "long"], ["µs", "number"]], hot(facts.sketch.cpu_us, ""), "Hot keys by time"),
      table([["key", "long"], ["network", "number"]], hot(facts.sketch.net_bytes, "B"), "Hot keys by network")] : [],
    element("h2", {}, "Largest keys"), table(head, keys(facts.largest), "Largest keys"),
    ...facts.lfu ? [element("h2", {}, "Busiest keys"), table(head, keys(facts.busiest), "Busiest keys")] : [],
    element("h2", {}, "Memory by prefix"),
    table([["prefix", "long"], ["keys", "number"], ["memory", "number"]], facts.prefixes.map(one => [one.prefix, human(one.keys), human(one.bytes, "B")]), "Prefixes"),
  ];
}

function heard(facts) {
  const counted = (title, list) => [element("h2", {}, title),
    table([["name", "long"], ["calls", "number"]], list.map(one => [one.name, human(one.count)]), title)];
  return [element("p", {}, `${facts.lines} commands heard.`), ...counted("Top keys", facts.keys), ...counted("Top prefixes", facts.prefixes), ...counted("Top commands", facts.commands)];
}

// ---- configuration and other changes -------------------------------------------------------------------------

function config_panel(url, rows) {
  const list = element("div"), status = element("p", { role: "status", class: "faint" });
  const shown = new Map(rows);
  const cell = name => {
    const value = element("span", {}, shown.get(name));
    if (!overview.admin) return value;
    const holder = element("div", { class: "row" }, value,
      element("button", { type: "button", class: "small", "aria-label": `Edit ${name}`, onclick: () => edit(name, holder) }, "Edit"));
    return holder;
  };
  const edit = (name, holder) => {
    const is_secret = shown.get(name) === "(hidden)";
    const input = element("input", { type: is_secret ? "password" : "text", autocomplete: "off", value: is_secret ? "" : shown.get(name), "aria-label": `Value of ${name}` });
    const back = () => { holder.replaceWith(cell(name)); list.querySelector(`[aria-label="Edit ${CSS.escape(name)}"]`)?.focus(); };
    const save = async event => {
      event.preventDefault();
      try {
        const { text } = await post_json("/api/config", { target: url, name, value: input.value });
        if (text !== "OK") throw new Error(text);
        shown.set(name, is_secret ? "(hidden)" : input.value);
        status.textContent = `${name} is set.`;
        back();
      } catch (problem) { status.textContent = `${name}: ${problem.message}`; input.focus(); }
    };
    const form = element("form", { class: "row", onsubmit: save, onkeydown: event => { if (event.key === "Escape") back(); } },
      input, element("button", { type: "submit", class: "small" }, "Save"), element("button", { type: "button", class: "small", onclick: () => back() }, "Cancel"));
    holder.replaceChildren(form);
    input.focus();
  };
  const fill = text => list.replaceChildren(table([["directive"], ["value", "long"]],
    [...shown.keys()].filter(name => name.includes(text)).map(name => [name, cell(name)]), "Directives"));
  fill("");
  return element("div", {}, element("input", { type: "search", placeholder: "search", "aria-label": "search directives", oninput: event => fill(event.target.value) }), status, list);
}

function admin_panel(url, address) {
  const status = element("p", { role: "status" }), log = element("div"), db = number_field("database", 0);
  const past = async () => {
    const lines = await fetch_json("/api/audit");
    log.replaceChildren(table([["when"], ["who"], ["from"], ["server"], ["command", "long"], ["outcome", "long"]],
      lines.map(line => [new Date(line.at).toLocaleString(), line.user, line.from, line.target, line.command, line.outcome ?? "begun"]), "Audit log"));
  };
  const act = (path, body, what) => async () => {
    try {
      const found = await post_confirmed(path, body(), what());
      status.textContent = found === null ? "Nothing was done." : found.text;
    } catch (problem) { status.textContent = problem.message; }
    past();
  };
  const flush_one = act("/api/flush", () => ({ target: url, db: Number(db.input.value) }), () => `Delete all keys of database ${db.input.value} of ${address}.`);
  const flush_all = act("/api/flush", () => ({ target: url, db: null }), () => `Delete all keys of all databases of ${address}.`);
  const reset = act("/api/console", () => ({ target: url, line: "CONFIG RESETSTAT" }), () => `Set the statistics of ${address} to zero.`);
  past();
  return element("div", {},
    element("p", { class: "row" }, db.label, element("button", { type: "button", class: "danger", onclick: flush_one }, "Flush database"),
      element("button", { type: "button", class: "danger", onclick: flush_all }, "Flush everything"),
      element("button", { type: "button", onclick: reset }, "Reset statistics")),
    status, element("h2", {}, "Audit log"), log);
}
