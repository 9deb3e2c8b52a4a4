// What every page does: tells when what it shows is old, who is logged in, light or dark; sends commands.

const OLD_MS = 4000;
const BLINK_MS = 800;
const BEHIND_S = 5;
const COUNT_S = 1;

export const texts = JSON.parse(document.getElementById("texts").textContent);
export const language = document.body.dataset.language;
export const at = (id) => document.getElementById(id);
/** What this person's role may do; the console and the core ask again. */
export const may = new Set((document.body.dataset.may ?? "").split(" "));

const token = document.querySelector('meta[name="csrf-token"]').content;
let status = null;
let heardMs = performance.now();
let clockOffsetMs = 0;
let hideMessage = 0;

/** A sentence with its {names} filled in. */
export function say(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** An element with a class and a text; text is never markup. */
export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined && text !== "") made.textContent = text;
  return made;
}

/** Gives each cell of a table its column's name: on a phone a row is a card, and the head is not there. */
export function named(table) {
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.querySelector(".name")?.textContent ?? cell.textContent);
  for (const row of table.tBodies[0].rows) {
    for (const [n, cell] of [...row.cells].entries()) if (names[n] && cell.colSpan === 1) cell.dataset.label = names[n];
  }
}

/** A press beside a box, within its cell, is meant for the box. */
export function boxed(cell, box) {
  cell.addEventListener("click", (event) => {
    if (event.target !== cell) return;
    event.stopPropagation();
    box.click();
  });
}

/** What a receiver answered; a bare number is the status of HTTP. */
export const receipt = (text) => (/^\d{3}\b/.test(text ?? "") ? `HTTP ${text}` : (text ?? ""));

/** The sentence of an answer in the page's language. */
export function reasonOf(said, fallback = "") {
  return (language === "zh" ? (said.reason_zh ?? said.detail_zh) : (said.reason_en ?? said.detail)) ?? fallback;
}

/** The server's time now, ms. */
export function now() {
  return Date.now() + clockOffsetMs;
}

/** Something came from the console just now; with its state if it told that. */
export function heard(told) {
  heardMs = performance.now();
  if (told === undefined) return;
  status = told;
  clockOffsetMs = status.now_ms - Date.now();
  banners();
}

/** The login ended: nothing of what is shown is live any more. */
export function toLogin() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** JSON of an address; null after a redirect to the login. Throws when there is no good answer. */
export async function ask(address, signal) {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, signal });
  if (answer.status === 401) {
    toLogin();
    return null;
  }
  const said = await answer.json();
  if (!answer.ok) throw new Error(reasonOf(said, String(answer.status)));
  return said;
}

/** Sends JSON: {ok, status, said}; said is null when the console did not answer. */
export async function send(address, body, headers = {}) {
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": token, ...headers },
      body: JSON.stringify(body),
    });
    if (answer.status === 401) toLogin();
    return { ok: answer.ok, status: answer.status, said: await answer.json() };
  } catch {
    return { ok: false, status: 0, said: null };
  }
}

/** Unacknowledged alarms by priority, in the header of every page. */
export function showCounts(counts) {
  for (const item of document.querySelectorAll("#counts .count")) {
    const count = counts[Number(item.dataset.priority)] ?? 0;
    item.querySelector("b").textContent = String(count);
    item.classList.toggle("some", count > 0);
  }
}

/** A message that goes by itself or by a click. */
export function message(text) {
  const place = at("message");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(hideMessage);
  hideMessage = setTimeout(() => {
    place.hidden = true;
  }, 12000);
}

function flooded(flood) {
  const since = new Date(flood.since_ms).toTimeString().slice(0, 5);
  const told = say(texts.flood_area, { area: flood.area || texts.this_gateway, n: flood.alarms, since });
  if (!flood.first) return told;
  const inside = `${flood.area}/`;
  const first = flood.first.startsWith(inside) ? flood.first.slice(inside.length) : flood.first;
  return told + say(texts.flood_first, { first: first.replace("/:", " ") });
}

function standing() {
  const list = [];
  const quietMs = performance.now() - heardMs;
  if (quietMs > OLD_MS) {
    list.push(["bad", say(texts.page_silent, { s: Math.round(quietMs / 1000) })]);
  } else if (status && !status.answers) {
    const since = status.answered_ms === null ? null : Math.round((now() - status.answered_ms) / 1000);
    list.push(["bad", since === null ? texts.core_never : say(texts.core_silent, { s: since })]);
  } else if (status) {
    if (status.blind) list.push(["bad", say(texts.blind, { reason: status.blind_reason })]);
    if (status.turn_age_s > BEHIND_S) list.push(["bad", say(texts.core_stuck, { s: status.turn_age_s })]);
    if (!status.link_up) list.push(["bad", texts.link_down]);
    if (status.behind_s > BEHIND_S) list.push(["warn", say(texts.core_behind, { s: status.behind_s })]);
    if (status.floods?.length) list.push(["flood", say(texts.flood, { areas: status.floods.map(flooded).join(" · ") })]);
    if (status.exercise) list.push(["exercise", texts.exercise]);
  }
  return list;
}

function banners() {
  const list = standing();
  const wanted = list.map(([kind, text]) => `${kind}:${text}`).join("\n");
  const place = at("banners");
  if (place.dataset.shown !== wanted) {
    place.dataset.shown = wanted;
    place.replaceChildren(...list.map(([kind, text]) => element("p", `banner ${kind}`, text)));
  }
  const good = status !== null && list.every(([kind]) => kind === "exercise" || kind === "flood");
  at("live").className = good ? "good" : "bad";
  at("live-text").textContent = status === null ? texts.connecting : good ? texts.live : texts.not_live;
  const told = status !== null && status.answers;
  const age = told ? Math.max(0, (performance.now() - heardMs) / 1000 + status.turn_age_s) : null;
  at("age").textContent = age === null ? "" : say(texts.data_age, { s: age.toFixed(0), lag: status.behind_s });
  document.body.classList.toggle("old", list.some(([kind]) => kind === "bad"));
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  document.dispatchEvent(new CustomEvent("theme"));
}

/** The other language's link keeps what the page is about. */
function keepQuery() {
  const link = at("language");
  const wanted = new URLSearchParams(location.search);
  wanted.set("lang", new URLSearchParams(link.search).get("lang"));
  link.search = wanted.toString();
}

const stored = localStorage.getItem("theme");
if (stored) document.documentElement.dataset.theme = stored;
keepQuery();
document.querySelector("#pages [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
at("theme").addEventListener("click", theme);
at("logout").addEventListener("click", async () => {
  await send("/logout", {});
  location.assign("/login");
});
at("message").addEventListener("click", () => {
  at("message").hidden = true;
});
setInterval(() => {
  at("clock").textContent = new Date(now()).toTimeString().slice(0, 8);
  banners();
}, COUNT_S * 1000);
setInterval(() => document.body.classList.toggle("dim"), BLINK_MS);
