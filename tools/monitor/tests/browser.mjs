// Looks at the dashboard in a real headless Chromium: every view, light and dark, desktop and phone, by keyboard.
//
//   npm install playwright-core            (anywhere; NODE_PATH or the working directory finds it)
//   carnelian monitor --port 8123 --history /tmp/history.db URL... &
//   node tests/browser.mjs http://127.0.0.1:8123 /usr/bin/chromium SCREENSHOT_DIRECTORY
//
// Ends with 1 at the first thing that is not as it should be: a script error, a missing view, content wider than a phone.
import { createRequire } from "node:module";
const { chromium } = createRequire(process.cwd() + "/")("playwright-core");

const [site, executablePath, directory] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const problems = [];
const expect = (truth, what) => { if (!truth) problems.push(what); };

async function visit(name, { width, height, dark }, steps) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
  page.on("pageerror", error => problems.push(`${name}: ${error}`));
  page.on("console", message => { if (message.type() === "error") problems.push(`${name}: ${message.text()}`); });
  await page.goto(site);
  await page.waitForFunction(() => document.querySelectorAll(".scroll tbody tr").length > 1, null, { timeout: 15000 });
  await steps(page);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over <= 0, `${name}: the page is ${over} px wider than the screen`);
  if (directory) await page.screenshot({ path: `${directory}/${name}.png` });
  await page.close();
}

const desktop = { width: 1280, height: 800 }, phone = { width: 390, height: 844 };
const first_server = page => page.locator(".scroll tbody tr:has(.dot:not(.critical)) a").first();

await visit("overview", desktop, async page => {
  expect(await page.locator(".card").count() === 7, "overview: seven cards");
  expect((await page.locator(".scroll tbody").first().innerText()).includes("down"), "overview: the dead server shows");
});
await visit("overview-dark", { ...desktop, dark: true }, async () => {});
await visit("server", desktop, async page => {
  await first_server(page).click();
  await page.waitForFunction(() => document.querySelectorAll("figure canvas").length === 10);
  await page.getByRole("tab", { name: "Configuration" }).click();
  await page.getByRole("searchbox").fill("maxmemory");
  const rows = await page.locator(".scroll tbody").first().innerText();
  expect(rows.includes("maxmemory-policy") && !rows.includes("appendonly"), "server: the search finds directives");
  await page.getByRole("tab", { name: "Commands" }).click();
  await page.waitForFunction(() => document.querySelector(".scroll tbody")?.innerText.includes("info"));
  await page.waitForTimeout(2500);
});
await visit("server-dark", { ...desktop, dark: true }, async page => { await first_server(page).click(); await page.waitForTimeout(2500); });
await visit("topology", desktop, async page => {
  await page.getByRole("link", { name: "Topology" }).click();
  await page.waitForFunction(() => document.querySelector(".tree")?.innerText.includes("slots"));
});
await visit("alerts", desktop, async page => {
  await page.getByRole("link", { name: "Alerts" }).click();
  await page.waitForFunction(() => document.querySelector("main").innerText.includes("down"), null, { timeout: 15000 });
});
await visit("phone", phone, async () => {});
await visit("phone-server", phone, async page => { await first_server(page).click(); await page.waitForTimeout(1500); });
await visit("keyboard", desktop, async page => {
  // Three links of the head, the table's region, then the first server.
  for (let press = 0; press < 5; press += 1) await page.keyboard.press("Tab");
  await page.waitForTimeout(2500);
  expect(await page.evaluate(() => document.activeElement.closest("td") !== null), "keyboard: the focus survives updates");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => location.hash.startsWith("#target="));
});

await browser.close();
problems.forEach(problem => console.error(problem));
console.log(problems.length ? `${problems.length} problems` : "the dashboard is as it should be");
process.exit(problems.length ? 1 : 0);
