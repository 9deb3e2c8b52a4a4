// Keeps the alarm page live: loads the table, follows the event stream, sends commands, tells when it is old.

import { Table } from "/static/table.js";

const OLD_MS = 4000;
const BLINK_MS = 800;
const BEHIND_S = 5;
const texts = JSON.parse(document.getElementById("texts").textContent);
const token = document.querySelector('meta[name="csrf-token"]').content;
const language = document.body.dataset.language;
const at = (id) => document.getElementById(id);

const table = new Table(document.querySelector("#alarms tbody"), texts, language, act);
let source = null;
let status = null;
let heardMs = performance.now();
let loading = false;
let clockOffsetMs = 0;
let hideMessage = 0;

function say(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function banners() {
  const list = [];
  const quietMs = performance.now() - heardMs;
  if (quietMs > OLD_MS) {
    list.push(["bad", say(texts.page_silent, { s: Math.round(quietMs / 1000) })]);
  } else if (status && !status.answers) {
    const since = status.answered_ms === null ? null : Math.round((Date.now() + clockOffsetMs - status.answered_ms) / 1000);
    list.push(["bad", since === null ? texts.core_never : say(texts.core_silent, { s: since })]);
  } else if (status) {
    if (status.blind) list.push(["bad", say(texts.blind, { reason: status.blind_reason })]);
    if (status.turn_age_s > BEHIND_S) list.push(["bad", say(texts.core_stuck, { s: status.turn_age_s })]);
    if (!status.link_up) list.push(["bad", texts.link_down]);
    if (status.behind_s > BEHIND_S) list.push(["warn", say(texts.core_behind, { s: status.behind_s })]);
    if (status.exercise) list.push(["exercise", texts.exercise]);
  }
  const wanted = list.map(([kind, text]) => `${kind}:${text}`).join("\n");
  const place = at("banners");
  if (place.dataset.shown !== wanted) {
    place.dataset.shown = wanted;
    place.replaceChildren(
      ...list.map(([kind, text]) => {
        const banner = document.createElement("p");
        banner.className = `banner ${kind}`;
        banner.textContent = text;
        return banner;
      }),
    );
  }
  const good = status !== null && list.every(([kind]) => kind === "exercise");
  at("live").className = good ? "good" : "bad";
  at("live-text").textContent = status === null ? texts.connecting : good ? texts.live : texts.not_live;
  document.body.classList.toggle("old", list.some(([kind]) => kind === "bad"));
}

function summary() {
  const counts = table.unanswered();
  for (const item of document.querySelectorAll("#counts .count")) {
    const count = counts[Number(item.dataset.priority)];
    item.querySelector("b").textContent = String(count);
    item.classList.toggle("some", count > 0);
  }
  const unanswered = counts.reduce((sum, count) => sum + count, 0);
  at("unanswered").textContent = String(unanswered);
  at("open").textContent = String(table.total);
  at("empty").hidden = table.order.length > 0;
  const hidden = table.total > table.order.length;
  at("truncated").hidden = !hidden;
  at("truncated").textContent = say(texts.truncated, { shown: table.order.length, total: table.total });
  document.title = `${unanswered ? `(${unanswered}) ` : ""}${texts.title} · ${texts.product}`;
}

/** The login ended: nothing of what is shown is live any more. */
function toLogin() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

async function load({ follow = true } = {}) {
  if (loading) return;
  loading = true;
  try {
    const answer = await fetch("/alarms", { headers: { Accept: "application/json" } });
    if (answer.status === 401) return toLogin();
    if (!answer.ok) throw new Error(String(answer.status));
    const { seq, total, rows } = await answer.json();
    table.replace(rows, total);
    summary();
    if (follow) listen(seq);
  } catch {
    if (follow) setTimeout(load, 1000);
  } finally {
    loading = false;
  }
}

function listen(seq) {
  if (source) source.close();
  source = new EventSource(`/alarms/stream?after=${seq}`);
  source.addEventListener("alarm", (event) => {
    heardMs = performance.now();
    table.change(JSON.parse(event.data));
    summary();
  });
  source.addEventListener("reload", () => load());
  source.addEventListener("status", (event) => {
    heardMs = performance.now();
    status = JSON.parse(event.data);
    clockOffsetMs = status.now_ms - Date.now();
    banners();
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(load, 1000);
  });
}

/** What is asked before an alarm is shelved; null when the person thought better of it. */
function shelf(row) {
  const dialog = at("shelf");
  at("shelf-alarm").textContent = row.alarm;
  at("shelf-reason").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const reason = at("shelf-reason").value.trim();
        const wanted = dialog.returnValue === "shelve" && reason;
        resolve(wanted ? { alarm: row.alarm, reason, for_s: Number(at("shelf-for").value) } : null);
      },
      { once: true },
    );
  });
}

async function asked(action, row) {
  if (action === "shelve") return shelf(row);
  if (action === "acknowledge" || action === "reset") return { alarm: row.alarm, occurrence: row.occurrence };
  return { alarm: row.alarm };
}

async function act(action, row, button) {
  const body = await asked(action, row);
  if (body === null) return;
  button.disabled = true;
  button.textContent = texts.acknowledging;
  let reason = "";
  try {
    const answer = await fetch(`/alarms/${action}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
      body: JSON.stringify(body),
    });
    if (answer.status === 401) return toLogin();
    const said = await answer.json();
    if (!said.accepted) {
      const why = (language === "zh" ? said.reason_zh : said.reason_en) ?? String(answer.status);
      reason = `${texts.refused}: ${why}`;
    }
  } catch {
    reason = texts.no_answer;
  }
  if (reason) message(reason);
  // an accepted command comes back as a change of the row; until then the button stays as it is
  setTimeout(() => {
    button.disabled = false;
    button.textContent = texts[action];
  }, reason ? 0 : 3000);
}

function message(text) {
  const place = at("message");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(hideMessage);
  hideMessage = setTimeout(() => {
    place.hidden = true;
  }, 12000);
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
}

const stored = localStorage.getItem("theme");
if (stored) document.documentElement.dataset.theme = stored;
at("theme").addEventListener("click", theme);
at("logout").addEventListener("click", async () => {
  await fetch("/logout", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
    body: "{}",
  });
  location.assign("/login");
});
at("message").addEventListener("click", () => {
  at("message").hidden = true;
});
setInterval(() => {
  at("clock").textContent = new Date(Date.now() + clockOffsetMs).toTimeString().slice(0, 8);
  banners();
  // with more alarms than rows, the hidden ones change unseen: look again now and then
  if (table.total > table.order.length && Math.floor(performance.now() / 1000) % 5 === 0) load({ follow: false });
}, 1000);
setInterval(() => document.body.classList.toggle("dim"), BLINK_MS);
load();
