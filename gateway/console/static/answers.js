// What a person does to alarms: what is asked before, the command, and what became of it.

import { at, message, reasonOf, say, send, texts } from "/static/shell.js";

const MAX_BODY = 14_000;
const WAIT_MS = 3000;

/** A dialog, until it is closed: the button's value, "" for cancelled. */
function answered(dialog, row) {
  const two = dialog.querySelector(".takes-two");
  if (two) two.hidden = !row.takes_two;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}

async function shelf(row) {
  at("shelf-alarm").textContent = row.alarm;
  at("shelf-reason").value = "";
  const said = await answered(at("shelf"), row);
  const reason = at("shelf-reason").value.trim();
  return said === "shelve" && reason ? { reason, for_s: Number(at("shelf-for").value) } : null;
}

async function removal(row) {
  at("removal-alarm").textContent = row.alarm;
  at("removal-order").value = "";
  at("removal-reason").value = "";
  const said = await answered(at("removal"), row);
  const [order, reason] = [at("removal-order").value.trim(), at("removal-reason").value.trim()];
  return said && order && reason ? { work_order: order, reason } : null;
}

/** A comment, with an acknowledgement if the person wants that too. */
export async function remark(row) {
  const { alarm, occurrence } = row;
  at("remark-alarm").textContent = row.alarm;
  at("remark-text").value = "";
  at("remark-acknowledge").hidden = !row.unanswered;
  const said = await answered(at("remark"), row);
  const comment = at("remark-text").value.trim();
  if (!said || !comment) return;
  const aim = { alarm, occurrence, comment };
  if (said === "acknowledge") await tell("/alarms/acknowledge", aim);
  else if ((await tell("/alarms/comment", aim)).done) message(texts.comment_kept);
}

/** The occurrence is the one seen when the person began: if it comes anew behind the dialog, the core refuses. */
async function bodyOf(action, row) {
  const { alarm, occurrence } = row;
  const asked = { shelve: shelf, remove: removal }[action];
  const more = asked ? await asked(row) : {};
  return more && { alarm, occurrence, ...more };
}

/** Sends a command and says why it was refused: {done, reason}. */
async function tell(address, body) {
  const { said } = await send(address, body);
  if (said === null) message(texts.no_answer);
  else if (!said.accepted) message(`${texts.refused}: ${reasonOf(said)}`);
  return { done: said !== null && said.accepted === true, reason: said === null ? "" : reasonOf(said) };
}

/** One alarm, by a button of its line or by a key; whether it was accepted. An accepted command comes back as
 *  a change of the row; until then the button stays as it is. */
export async function act(action, row, button) {
  const body = await bodyOf(action, row);
  if (body === null) return false;
  if (button) {
    button.disabled = true;
    button.textContent = texts.acknowledging;
  }
  const { done, reason } = await tell(`/alarms/${action === "remove" ? "out_of_service" : action}`, body);
  if (done && row.takes_two && (action === "shelve" || action === "remove")) message(reason);
  if (button) {
    setTimeout(() => {
      button.disabled = false;
      button.textContent = texts[action];
    }, done ? WAIT_MS : 0);
  }
  return done;
}

/** Several alarms, a body's worth at a time: whatever is refused is said, the others are acknowledged. */
export async function acknowledgeAll(rows) {
  const waiting = rows.filter((row) => row.unanswered);
  if (waiting.length === 0) {
    message(texts.none_waits);
    return;
  }
  let part = [];
  let size = 0;
  const parts = [];
  for (const { alarm, occurrence } of waiting) {
    const bytes = new TextEncoder().encode(JSON.stringify({ alarm, occurrence })).length + 1;
    if (part.length === 200 || size + bytes > MAX_BODY) {
      parts.push(part);
      part = [];
      size = 0;
    }
    part.push({ alarm, occurrence });
    size += bytes;
  }
  parts.push(part);
  for (const [number, alarms] of parts.entries()) {
    if (parts.length > 1) message(say(texts.acknowledging_many, { n: number + 1, of: parts.length }));
    if (!(await tell("/alarms/acknowledge_many", { alarms })).done) return;
  }
  message(say(texts.acknowledged_many, { n: waiting.length }));
}
