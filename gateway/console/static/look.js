// What pages that look at figures share: asking again and again with progress, shapes, bars, numbers, times.

import { ask, at, element, language, message, named, say, texts } from "/static/shell.js";

const SVG = "http://www.w3.org/2000/svg";
const SHOWN_MS = 400;
const TICK_MS = 500;

/** An SVG element with attributes; a text inside is text. */
export function svg(name, attributes = {}, text = undefined) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A number for people: as many digits as matter. */
export function number(value, digits = 1) {
  if (value === null || value === undefined) return "–";
  return value.toLocaleString(language === "zh" ? "zh-CN" : "en-GB", { maximumFractionDigits: digits });
}

/** Percent that never says 100 of what is not whole. */
export function percent(value) {
  if (value === null || value === undefined) return "–";
  const rounded = Math.round(value * 10) / 10;
  return `${rounded === 100 && value < 100 ? "99.9" : rounded.toFixed(1)} %`;
}

/** Local time; the day too if it is not today. */
export function moment(ms) {
  const then = new Date(ms);
  const two = (n) => String(n).padStart(2, "0");
  const time = `${two(then.getHours())}:${two(then.getMinutes())}:${two(then.getSeconds())}`;
  return then.toDateString() === new Date().toDateString() ? time : `${day(then)} ${time}`;
}

function day(then) {
  const two = (n) => String(n).padStart(2, "0");
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())}`;
}

/** From one local time to another; the day stands with both, or with neither if both are of today. */
export function stretch(fromMs, toMs) {
  const [from, to] = [moment(fromMs), moment(toMs)];
  const today = to.length < from.length ? `${day(new Date(toMs))} ` : "";
  return `${from} – ${today}${to}`;
}

/** Seconds for people. */
export function span(s) {
  if (s === null || s === undefined) return "–";
  if (s < 120) return `${number(s, s < 10 ? 1 : 0)} s`;
  if (s < 7200) return `${number(s / 60, 0)} min`;
  if (s < 172800) return `${number(s / 3600, 1)} h`;
  return `${number(s / 86400, 1)} d`;
}

/** The mark of a priority: shape, number and colour; 0 is a calm one. */
export function mark(priority) {
  const made = element("span", `mark p${priority}`);
  const shape = element("span", "shape", priority ? String(priority) : "");
  shape.setAttribute("aria-hidden", "true");
  made.append(shape);
  return made;
}

/** Grade with its word. */
export function graded(priority) {
  const made = mark(priority);
  made.append(element("span", "name", priority ? texts[`priority_${priority}`] : texts.no_open));
  return made;
}

/** A share as a bar with its percent; one of coverage that is low stands out. */
export function bar(share, watched = true) {
  const made = element("span", "bar");
  const drawn = svg("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawn.append(svg("rect", { class: "rest", width: 100, height: 8 }));
  if (share !== null) drawn.append(svg("rect", { class: "part", width: Math.max(0, share), height: 8 }));
  made.append(drawn, element("span", watched && share !== null && share < 95 ? "low" : "", percent(share)));
  return made;
}

/** The states that are not live, most frequent first: "12 silent, 3 bad". */
export function statesText(states) {
  return Object.entries(states)
    .filter(([name]) => name !== "live")
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `${number(count)} ${texts[`state_${name}`] ?? name}`)
    .join(", ");
}

/** Waits for a promise; what takes longer shows how long it has taken. */
export async function withProgress(promise) {
  const place = at("busy");
  const begin = performance.now();
  const tick = setInterval(() => {
    const s = (performance.now() - begin) / 1000;
    if (s * 1000 < SHOWN_MS) return;
    place.hidden = false;
    place.querySelector("span").textContent = s < 1 ? texts.looking : say(texts.looking_s, { s: s.toFixed(0) });
  }, TICK_MS);
  try {
    return await promise;
  } finally {
    clearInterval(tick);
    place.hidden = true;
  }
}

/** Asks an address and shows its answer; a refusal is told in #wrong. Whether it could be shown. */
export async function shown(address, show, signal) {
  try {
    const said = await withProgress(ask(address, signal));
    if (said === null) return false;
    at("wrong").hidden = true;
    show(said);
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false;
    at("wrong").textContent = `${texts.not_read}: ${error.message}`;
    at("wrong").hidden = false;
    return false;
  }
}

/** Calls look() now and then again, each time so long after the last one was over. */
export function again(look, everyMs) {
  const next = async () => {
    await look();
    setTimeout(next, everyMs);
  };
  next();
}

/** Tells what a command was answered; whether it was accepted. */
export function told({ said }, done = "") {
  if (said === null) {
    message(texts.no_answer);
    return false;
  }
  const reason = language === "zh" ? said.reason_zh : said.reason_en;
  if (said.accepted === false || (reason && !said.accepted)) {
    message(`${texts.refused}: ${reason ?? ""}`);
    return false;
  }
  if (done) message(done);
  return true;
}

/** A table row of cells: each a text, an element, or [class, text or element]. */
export function tableRow(...cells) {
  const made = element("tr");
  for (const cell of cells) {
    const [className, content] = Array.isArray(cell) ? cell : ["", cell];
    const one = element("td", className);
    one.append(content ?? "");
    made.append(one);
  }
  return made;
}

/** One figure with its title. */
export function tile(title, value, ...notes) {
  const made = element("div", "tile");
  const big = element("b", "big");
  big.append(value);
  made.append(element("span", "note", title), big);
  for (const note of notes) if (note) made.append(element("span", "note", note));
  return made;
}

/** Rows of a table's body; one saying "none" where there are none. */
export function fill(table, rows) {
  const body = table.querySelector("tbody");
  if (rows.length) {
    body.replaceChildren(...rows);
    named(table);
    return;
  }
  const none = tableRow(["note", texts.nothing ?? "–"]);
  none.firstChild.colSpan = 20;
  body.replaceChildren(none);
}
