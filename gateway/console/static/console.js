// Keeps the alarm page live: loads the table, follows the event stream, sends commands.

import { ask, at, heard, language, message, reasonOf, say, send, showCounts, texts } from "/static/shell.js";
import { Table } from "/static/table.js";

const table = new Table(document.querySelector("#alarms tbody"), texts, language, act);
let source = null;
let loading = false;

function summary() {
  const counts = table.unanswered();
  showCounts(counts);
  const unanswered = counts.reduce((sum, count) => sum + count, 0);
  at("unanswered").textContent = String(unanswered);
  at("open").textContent = String(table.total);
  at("empty").hidden = table.order.length > 0;
  const hidden = table.total > table.order.length;
  at("truncated").hidden = !hidden;
  at("truncated").textContent = say(texts.truncated, { shown: table.order.length, total: table.total });
  document.title = `${unanswered ? `(${unanswered}) ` : ""}${texts.title} · ${texts.product}`;
}

async function load({ follow = true } = {}) {
  if (loading) return;
  loading = true;
  try {
    const answer = await ask("/alarms");
    if (answer === null) return;
    table.replace(answer.rows, answer.total);
    summary();
    if (follow) listen(answer.seq);
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
    heard();
    table.change(JSON.parse(event.data));
    summary();
  });
  source.addEventListener("reload", () => load());
  source.addEventListener("status", (event) => heard(JSON.parse(event.data)));
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
  const { said } = await send(`/alarms/${action}`, body);
  let reason = "";
  if (said === null) reason = texts.no_answer;
  else if (!said.accepted) reason = `${texts.refused}: ${reasonOf(said)}`;
  if (reason) message(reason);
  // an accepted command comes back as a change of the row; until then the button stays as it is
  setTimeout(() => {
    button.disabled = false;
    button.textContent = texts[action];
  }, reason ? 0 : 3000);
}

setInterval(() => {
  // with more alarms than rows, the hidden ones change unseen: look again now and then
  if (table.total > table.order.length) load({ follow: false });
}, 5000);
load();
