// Looks at the dashboard in a real headless Chromium: every view, light and dark, desktop and phone, by keyboard; console and changes.
//
// tests/browser.rs starts the servers and two monitors, one read-only and one with --enable-admin, and says in one JSON argument where they
// are: {watching, admin, user, password, server, replica, chromium, screenshots}. Prints what is not as it should be, and ends with 1 then.
import { createRequire } from "node:module";
const { chromium } = createRequire(process.cwd() + "/")("playwright-core");

const given = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: given.chromium, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const problems = [];
setTimeout(() => { console.error("no end in sight", ...problems); process.exit(1); }, 120000).unref();
const expect = (truth, what) => { if (!truth) problems.push(what); };

async function visit(name, { width, height, dark, site = given.watching, login }, steps) {
  const credentials = login ? { httpCredentials: { username: given.user, password: given.password } } : {};
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", ...credentials });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  // A refused command is an answer of 4xx, which Chromium reports too.
  const is_answer = text => /status of 4(00|03|09)/.test(text);
  page.on("pageerror", error => problems.push(`${name}: ${error}`));
  page.on("console", message => { if (message.type() === "error" && !is_answer(message.text())) problems.push(`${name}: ${message.text()}`); });
  const started = Date.now();
  try {
    await page.goto(site);
    await page.waitForFunction(() => document.querySelectorAll(".scroll tbody tr").length > 1);
    await steps(page);
    await no_wider(page, name);
    if (given.screenshots && name !== "keyboard") {
      await page.waitForTimeout(1500);
      await page.screenshot({ path: `${given.screenshots}/${name}.png` });
    }
  } catch (problem) { problems.push(`${name}: ${problem.message.split("\n")[0]} ${problem.stack.match(/dashboard.mjs:\d+/g)}`); }
  if (process.env.TIMES) console.error(name, Date.now() - started, "ms");
  await context.close();
}

async function no_wider(page, name) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over <= 0, `${name}: the page is ${over} px wider than the screen`);
}

const desktop = { width: 1280, height: 800 }, phone = { width: 390, height: 844 };
const open_server = async (page, url = given.server) => {
  await page.locator(`.scroll tbody a[href="#target=${encodeURIComponent(url)}"]`).click();
  await page.waitForFunction(() => document.querySelectorAll("figure canvas").length === 10);
};
const open_tab = async (page, name) => {
  await page.getByRole("tab", { name, exact: true }).click();
  await page.waitForFunction(name => document.getElementById("panel")?.childElementCount > 0
    && [...document.querySelectorAll("[role=tab][aria-selected=true]")].some(tab => tab.textContent === name), name);
};
const panel_has = (page, text) => page.waitForFunction(text => document.getElementById("panel").innerText.includes(text), text);
// The brightness of the page's background, 0-1.
const paper = page => page.evaluate(() => {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  return (red + green + blue) / 765;
});
const command = async (page, line) => {
  await page.getByRole("textbox", { name: "Command" }).fill(line);
  await page.keyboard.press("Enter");
};

const views = [
  ["overview", desktop, async page => {
    expect(await page.locator(".card").count() === 7, "overview: seven cards");
    const rows = await page.locator(".scroll tbody").first().innerText();
    expect(rows.includes("down") && rows.includes("cannot connect"), "overview: the dead server shows, and why");
    expect(await paper(page) > .8, "overview: light paper");
    const before = await page.locator("#state").innerText();
    await page.waitForFunction(before => document.getElementById("state").innerText !== before && document.getElementById("state").innerText.startsWith("live"), before);
  }],
  ["overview-dark", { ...desktop, dark: true }, async page => expect(await paper(page) < .2, "dark: dark paper")],
  ["server", desktop, async page => {
    await open_server(page);
    // Lines are drawn: opaque pixels of the series' colour, not only the grid.
    await page.waitForFunction(() => {
      const canvas = document.querySelector("figure canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let coloured = 0;
      for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200 && data[at + 2] > data[at] + 60) coloured += 1;
      return coloured > 20;
    });
    expect((await page.locator(".slow, .scroll").last().innerText()).toLowerCase().includes("sleep"), "server: the slow log has the slow call");
    await open_tab(page, "Clients");
    await panel_has(page, "127.0.0.1:");
    await open_tab(page, "Configuration");
    await page.getByRole("searchbox").fill("maxmemory");
    const rows = await page.locator("#panel tbody").innerText();
    expect(rows.includes("maxmemory-policy") && !rows.includes("appendonly"), "server: the search finds directives");
    expect(await page.getByRole("button", { name: "Edit maxmemory", exact: true }).count() === 0, "server: nothing to edit without --enable-admin");
    expect(await page.getByRole("tab", { name: "Admin" }).count() === 0, "server: no changes without --enable-admin");
    await open_tab(page, "Commands");
    await panel_has(page, "Top commands of the last minute");
    await panel_has(page, "info");
  }],
  ...given.screenshots ? [["server-dark", { ...desktop, dark: true }, page => open_server(page)]] : [],
  ["keys", desktop, async page => {
    await open_server(page);
    await open_tab(page, "Top keys");
    await page.getByRole("button", { name: "Take a sample" }).click();
    await panel_has(page, "Largest keys");
    const text = await page.locator("#panel").innerText();
    expect(text.includes("big:one") && text.includes("All 3 keys."), `keys: the sample has the large key: ${text}`);
    expect(await page.getByRole("button", { name: /MONITOR/ }).count() === 0, "keys: no MONITOR without --enable-admin");
  }],
  ["console", desktop, async page => {
    await open_server(page);
    await open_tab(page, "Console");
    await command(page, "GET greeting");
    await panel_has(page, "\"hello <b>world</b>\"");
    await command(page, "SET greeting changed");
    await panel_has(page, "this monitor is read-only");
    await command(page, "GET greeting");
    await page.waitForFunction(() => document.querySelector(".log").innerText.split("hello <b>world</b>").length === 3);
    await command(page, "nonsense");
    await panel_has(page, "no such command");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    expect(await page.getByRole("textbox", { name: "Command" }).inputValue() === "GET greeting", "console: the arrow keys bring commands back");
  }],
  ["topology", desktop, async page => {
    await page.getByRole("link", { name: "Topology" }).click();
    await page.waitForFunction(() => /slots: 0-16383/.test(document.querySelector(".tree")?.innerText));
    const tree = await page.locator(".tree").first().innerText();
    expect(/replica, online, lag \d+ s/.test(tree), `topology: the replica with its lag: ${tree}`);
  }],
  ["alerts", desktop, async page => {
    await page.getByRole("link", { name: "Alerts" }).click();
    await page.waitForFunction(() => document.querySelector("main").innerText.includes("cannot connect"));
  }],
  ["phone", phone, async () => {}],
  ["phone-server", phone, async page => {
    await open_server(page);
    for (const name of ["Commands", "Top keys", "Clients", "Configuration", "Info", "Console", "Slow log"]) {
      await open_tab(page, name);
      await no_wider(page, `phone, ${name}`);
    }
  }],
  ["keyboard", desktop, async page => {
    // Three links of the head, the table's region, then the first server; the focus must survive updates.
    for (let press = 0; press < 5; press += 1) await page.keyboard.press("Tab");
    const before = await page.locator("#state").innerText();
    await page.waitForFunction(before => document.getElementById("state").innerText !== before, before);
    expect(await page.evaluate(() => document.activeElement.closest("td") !== null), "keyboard: the focus survives updates");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.hash.startsWith("#target="));
    await page.evaluate(() => { location.hash = "#overview"; });
    await open_server(page);
    await page.getByRole("tab", { selected: true }).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    expect(await page.evaluate(() => document.activeElement.textContent === "Top keys" && document.activeElement.getAttribute("aria-selected") === "true"),
      "keyboard: the arrow keys go from tab to tab");
    await page.keyboard.press("End");
    await page.waitForFunction(() => document.querySelector(".log"));
  }],
  ["admin", { ...desktop, site: given.admin, login: true }, async page => {
    await open_server(page);
    await open_tab(page, "Configuration");
    await page.getByRole("searchbox").fill("maxmemory-policy");
    await page.getByRole("button", { name: "Edit maxmemory-policy" }).click();
    await page.getByRole("textbox", { name: "Value of maxmemory-policy" }).fill("nonsense");
    await page.keyboard.press("Enter");
    await panel_has(page, "maxmemory-policy: (error) ERR");
    await page.getByRole("textbox", { name: "Value of maxmemory-policy" }).fill("allkeys-lfu");
    await page.keyboard.press("Enter");
    await panel_has(page, "maxmemory-policy is set.");
    await open_tab(page, "Console");
    await command(page, "SET greeting changed");
    await panel_has(page, "OK");
    await command(page, "DEBUG JMAP");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await panel_has(page, "(not sent)");
    await open_tab(page, "Top keys");
    await page.getByRole("button", { name: /MONITOR/ }).click();
    await panel_has(page, "commands heard");
    await open_tab(page, "Admin");
    await page.getByRole("button", { name: "Flush everything" }).click();
    const typed = page.getByRole("dialog").getByRole("textbox"), go = page.getByRole("dialog").getByRole("button", { name: "Do it" });
    await typed.fill("yes");
    expect(await go.isDisabled(), "admin: a flush needs the right word");
    await typed.fill(new URL(given.server.replace("redis:", "http:")).host);
    await go.click();
    await page.getByRole("status").filter({ hasText: /^OK$/ }).waitFor();
    await panel_has(page, "FLUSHALL");
    const text = await page.locator("#panel").innerText();
    expect(text.includes("CONFIG SET maxmemory-policy allkeys-lfu") && text.includes(given.user), `admin: the audit log says who and what: ${text}`);
    expect(text.includes("MONITOR") && !text.includes("DEBUG"), "admin: the audit log has what was sent, and no more");
  }],
];

// A few side by side, since pages mostly wait; the one that changes something comes last.
const waiting = views.slice(0, -1);
const lane = async () => { while (waiting.length) await visit(...waiting.shift()); };
await Promise.all([lane(), lane(), lane()]);
await visit(...views.at(-1));

const stranger = await browser.newContext({ httpCredentials: { username: given.user, password: "wrong" } });
const refused = await (await stranger.newPage()).goto(given.admin);
expect(refused.status() === 401, "a wrong password is refused");

await browser.close();
problems.forEach(problem => console.error(problem));
console.log(problems.length ? `${problems.length} problems` : `${views.length} views are as they should be`);
process.exit(problems.length ? 1 : 0);
