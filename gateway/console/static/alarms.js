// The alarm list: loads the open alarms part by part, follows the event stream, keyboard, filter, sound.

import { act, acknowledgeAll, remark } from "/static/answers.js";
import { Filter } from "/static/filter.js";
import { actions, button, inLanguage, line, mark, measured, moment, pageOf, priorityOf, remarks, stateName } from "/static/lines.js";
import { Rows } from "/static/rows.js";
import { ask, at, element, heard, may, message, now, say, showCounts, texts } from "/static/shell.js";
import { Horn } from "/static/sound.js";
import { Window } from "/static/window.js";

const FIRST = 100;
const PART = 2000;
const MOST = 20_000;
const OFFER_MS = 3000;
const AGE_MS = 20_000;

const rows = new Rows();
const horn = new Horn(shownSound, now);
const list = new Window(at("scroll"), document.querySelector("#alarms tbody"), drawLine, (row) => panel(row));
const filter = new Filter((passes) => {
  rows.refilter(passes);
  at("scroll").scrollTop = 0;
  refresh();
});
rows.passes = filter.passes;
let source = null;
let loading = false;
let total = 0;
/** Open alarms that are not loaded: beyond what a page holds. */
let beyond = 0;

function drawLine(row, how) {
  const made = line(row, how, pressed, (marked) => toggle(marked.alarm));
  made.addEventListener("click", (event) => {
    if (event.target.closest("button, input, a")) return;
    list.choose(list.indexOf(row.alarm), { view: false });
    if (event.shiftKey || event.ctrlKey) toggle(row.alarm);
  });
  made.addEventListener("dblclick", () => location.assign(pageOf(row)));
  return made;
}

/** A button of a line. If rows moved under a pointer that rested, the person meant another one. */
function pressed(action, row, pressedButton, event) {
  if (list.moved && event.detail > 0) {
    list.moved = false;
    message(texts.list_moved);
    return;
  }
  act(action, row, pressedButton);
}

function toggle(alarm) {
  list.mark(alarm);
  tools();
}

/** What is marked and still open; without marks the chosen one. */
function meant() {
  const marked = [...list.marked].map((alarm) => rows.byAlarm.get(alarm)).filter(Boolean);
  if (marked.length) return marked;
  return list.row ? [list.row] : [];
}

function tools() {
  for (const alarm of [...list.marked]) if (!rows.byAlarm.has(alarm)) list.marked.delete(alarm);
  const count = list.marked.size;
  at("marked").hidden = count === 0;
  at("marked-count").textContent = say(texts.marked, { n: count });
}

function refresh() {
  showCounts(rows.waiting);
  const unanswered = rows.waiting.reduce((sum, count) => sum + count, 0);
  total = loading ? Math.max(total, rows.size) : rows.size + beyond;
  at("unanswered").textContent = String(unanswered);
  at("open").textContent = String(total);
  list.show(rows.shown);
  at("alarms").setAttribute("aria-rowcount", String(rows.shown.length + 1));
  at("empty").hidden = rows.size > 0 || loading;
  at("none-passes").hidden = rows.size === 0 || rows.shown.length > 0;
  at("filter-count").textContent = filter.active ? say(texts.filter_count, { shown: rows.shown.length, total }) : "";
  at("hidden-urgent").hidden = rows.hiddenUrgent === 0;
  at("hidden-urgent").textContent = say(texts.hidden_urgent, { n: rows.hiddenUrgent });
  at("progress").hidden = !loading || rows.size === 0;
  at("progress").textContent = say(texts.loading, { shown: rows.size, total });
  document.title = `${unanswered ? `(${unanswered}) ` : ""}${texts.title} · ${texts.product}`;
  tools();
  const chosen = list.alarm === null ? null : rows.byAlarm.get(list.alarm);
  if (chosen !== list.panelled) panel(chosen ?? null);
}

/** All that is known of the chosen alarm; empty while none is chosen. */
function panel(row) {
  list.panelled = row;
  const place = at("chosen");
  if (!row) {
    place.replaceChildren(element("p", "note", texts.choose_one));
    return;
  }
  const head = element("h2", `p${priorityOf(row)}`);
  const link = element("a", "", row.alarm);
  link.href = pageOf(row);
  head.append(mark(row.priority), link, element("span", "note", `${stateName(row)} · ${texts.since} ${moment(row.raised_ms)}`));
  const leave = element("button", "leave", "\u00d7");
  leave.setAttribute("aria-label", texts.leave);
  leave.addEventListener("click", () => list.leave());
  head.append(leave);
  const facts = element("div", "facts");
  const said = [row.explained ? "" : measured(row), inLanguage(row, "reason"), ...remarks(row)];
  const path = [row.county, row.enterprise, row.site, row.asset, row.device].filter(Boolean).join(" / ");
  facts.append(fact(texts.where, path || texts.this_gateway), fact(texts.what, said.filter(Boolean).join(" · ")));
  const todo = fact(texts.response, inLanguage(row, "response"));
  if (row.clause) todo.append(element("p", "note", row.clause));
  facts.append(todo);
  if (row.comment) facts.append(fact(texts.comment, `${row.actor}: ${row.comment}`));
  const buttons = element("p", "buttons");
  for (const action of actions(row)) buttons.append(button(action, row, act, `do ${action}`));
  if (may.has("acknowledge")) buttons.append(button("comment", row, () => remark(row), "do plain"));
  if (row.device) {
    const device = element("a", "do plain", texts.device_page);
    device.href = `/device?key=${encodeURIComponent(`${row.enterprise}/${row.site}/${row.device}`)}`;
    buttons.append(device);
  }
  place.replaceChildren(head, facts, buttons);
}

function fact(name, text) {
  const made = element("div", "fact");
  made.append(element("h3", "", name), element("p", "", text));
  return made;
}

async function load() {
  if (loading) return;
  loading = true;
  let after = "";
  try {
    for (let limit = FIRST; ; limit = PART) {
      const part = await ask(`/alarms?limit=${limit}${after ? `&after=${after}` : ""}`);
      if (part === null) return;
      if (!after) {
        rows.clear();
        listen(part.seq);
      }
      total = part.total;
      rows.add(part.rows);
      refresh();
      if (!after) filter.offer(rows);
      after = part.next?.join(",") ?? "";
      if (!after || rows.size >= MOST) break;
    }
    beyond = after ? total - rows.size : 0;
    rows.settled();
    horn.all(rows.byAlarm.values());
  } catch {
    setTimeout(load, 1000);
  } finally {
    loading = false;
    filter.offer(rows);
    refresh();
    at("truncated").hidden = beyond === 0;
    at("truncated").textContent = say(texts.truncated, { shown: rows.size, total });
  }
}

function listen(seq) {
  if (source) source.close();
  source = new EventSource(`/alarms/stream?after=${seq}`);
  source.addEventListener("alarm", (event) => {
    heard();
    const row = JSON.parse(event.data);
    if (!rows.put(row)) return;
    horn.change(row);
    refresh();
  });
  source.addEventListener("reload", () => load());
  source.addEventListener("status", (event) => heard(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(load, 1000);
  });
}

function shownSound(state) {
  const sound = at("sound");
  const name = !state.on ? "sound_off" : state.blocked ? "sound_blocked" : state.mutedUntil ? "sound_muted" : "sound_on";
  sound.textContent = say(texts[name], { until: state.mutedUntil ? moment(state.mutedUntil).slice(0, -3) : "" });
  sound.className = name === "sound_on" ? "good" : "warn";
  sound.setAttribute("aria-pressed", String(state.on));
  at("silence").hidden = !state.sounding;
  at("mute").hidden = !state.on;
  if (!state.mutedUntil) at("mute").value = "";
}

const KEYS = {
  ArrowDown: (event) => move(1, event),
  ArrowUp: (event) => move(-1, event),
  PageDown: () => list.step(list.page),
  PageUp: () => list.step(-list.page),
  Home: () => list.choose(0),
  End: () => list.choose(list.rows.length - 1),
  Enter: () => list.row && location.assign(pageOf(list.row)),
  " ": () => list.row && toggle(list.row.alarm),
  a: () => may.has("acknowledge") && acknowledge(),
  s: () => list.row && actions(list.row).includes("shelve") && act("shelve", list.row),
  c: () => list.row && may.has("acknowledge") && remark(list.row),
  m: () => horn.silence(),
  "/": () => at("filter-text").focus(),
  "?": () => at("help").showModal(),
  Escape: () => clearMarks(),
};

function move(by, event) {
  if (event.shiftKey && list.row) list.mark(list.row.alarm, true);
  list.step(by);
  if (event.shiftKey && list.row) list.mark(list.row.alarm, true);
  tools();
}

async function acknowledge() {
  const several = meant();
  if (several.length === 1 && list.marked.size === 0) {
    const [row] = several;
    const action = actions(row).find((name) => name === "acknowledge" || name === "reset");
    const below = list.rows[list.indexOf(row.alarm) + 1];
    if (!action) message(texts.none_waits);
    else if (await act(action, row, null)) onwards(row, below);
    return;
  }
  if (several.length === 0) {
    message(texts.choose_one);
    return;
  }
  await acknowledgeAll(several);
  clearMarks();
}

/** After an answer the alarm that stood below is chosen: the answered one moves away, and a person who goes
 *  through the list does not follow it. */
function onwards(answered, below) {
  if (below && list.alarm === answered.alarm && list.indexOf(below.alarm) >= 0) list.choose(list.indexOf(below.alarm));
}

function clearMarks() {
  list.marked.clear();
  list.redraw();
  tools();
}

function markSeen() {
  for (const row of list.seen()) if (row.unanswered) list.mark(row.alarm, true);
  tools();
}

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  const field = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (field) {
    if (event.key === "Escape" || (event.key === "Enter" && field.id === "filter-text")) at("scroll").focus();
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.key === "a" && may.has("acknowledge")) {
    event.preventDefault();
    markSeen();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if ((event.key === "Enter" || event.key === " ") && event.target.closest("a, button, input")) return;
  const does = KEYS[event.key];
  if (!does) return;
  event.preventDefault();
  does(event);
});

at("marked-acknowledge").addEventListener("click", () => acknowledge());
at("marked-clear").addEventListener("click", () => clearMarks());
at("mark-seen").addEventListener("click", () => markSeen());
at("sound").addEventListener("click", () => horn.toggle());
at("silence").addEventListener("click", () => horn.silence());
at("mute").addEventListener("change", () => {
  const minutes = Number(at("mute").value);
  horn.mute(minutes ? now() + minutes * 60_000 : 0);
});
at("filter-open").addEventListener("click", () => {
  at("filter-open").setAttribute("aria-expanded", String(at("filter").classList.toggle("open")));
});
at("help-open").addEventListener("click", () => at("help").showModal());
at("hidden-urgent").addEventListener("click", () => filter.clear());
setInterval(() => filter.offer(rows), OFFER_MS);
setInterval(() => list.redraw(), AGE_MS);
panel(null);
at("scroll").focus({ preventScroll: true });
load();
