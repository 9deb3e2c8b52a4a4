// The rules page: versions, propose, back-test with progress, approve. Everything asks /api/v1/proposals.

import { at, element, language, message, reasonOf, say, send, texts } from "/static/shell.js";
import { again, bar, fill, moment, number, shown, stretch, tableRow, tile, withProgress } from "/static/look.js";

const EVERY_MS = 2000;
const BASE = "/api/v1/proposals";
const SHOWN = 50;
let chosen = Number(new URLSearchParams(location.search).get("number")) || 0;
let resultOf = "";

const ms = (ns) => ns / 1e6;

function stateOf(one) {
  const made = element("span", "", texts[`state_${one.state}`] ?? one.state);
  if (one.loosened.length) made.append(element("span", "note", say(texts.looser, { n: one.loosened.length })));
  return made;
}

function versions(said) {
  if (!chosen && said.proposals.length) chosen = said.proposals[0].number;
  fill(
    at("versions"),
    said.proposals.map((one) => {
      const link = element("a", "", one.version);
      link.href = `/rules?number=${one.number}`;
      link.addEventListener("click", (event) => {
        event.preventDefault();
        choose(one.number);
      });
      const row = tableRow(["number", String(one.number)], ["name", link], stateOf(one), one.author, ["at", moment(ms(one.made_ns))]);
      if (one.number === chosen) row.setAttribute("aria-current", "true");
      return row;
    }),
  );
}

function choose(number_) {
  chosen = number_;
  resultOf = "";
  at("trial").replaceChildren();
  history.replaceState(null, "", `?number=${chosen}`);
  look();
}

function one(said) {
  at("one").hidden = false;
  at("one-title").textContent = say(texts.one_title, said);
  at("reason").textContent = said.reason;
  at("one-text").textContent = said.text;
  at("two-people").hidden = !(said.loosened.length && said.state === "proposed");
  at("step").hidden = said.state !== "proposed" || !at("step").querySelector("button");
  at("steps").replaceChildren(
    ...said.steps.map((step) => element("li", "", [moment(ms(step.at_ns)), texts[`step_${step.what}`] ?? step.what, step.person, step.comment].filter(Boolean).join(" · "))),
  );
  trial(said.backtest);
}

function trial(stands) {
  const button = at("try")?.querySelector("button");
  if (button) button.disabled = stands?.state === "running";
  if (stands === null) {
    at("trial").replaceChildren(element("p", "note", texts.no_trial));
    return;
  }
  if (stands.state === "running") {
    resultOf = "";
    const share = stands.total ? (100 * stands.done) / stands.total : null;
    const text = stands.total ? say(texts.trying, { done: number(stands.done), total: number(stands.total) }) : texts.trying_begins;
    const line = element("p");
    line.append(share === null ? element("progress") : bar(share, false), element("span", "note", text));
    at("trial").replaceChildren(line);
    return;
  }
  const key = `${chosen}/${stands.id}`;
  if (resultOf === key) return;
  resultOf = key;
  shown(`${BASE}/${chosen}/backtest`, result);
}

function table(heads, rows) {
  const made = element("table", "figures");
  const head = element("tr");
  for (const [className, text] of heads) {
    const cell = element("th", className, text);
    cell.scope = "col";
    head.append(cell);
  }
  const top = element("thead");
  top.append(head);
  made.append(top, element("tbody"));
  fill(made, rows);
  return made;
}

const LOOSER = /^(.*): (\S+): (\S+) loosens a safety limit \(\w+ is looser; \S+ has (.*?)\)/;

/** A safety limit that becomes looser, in the page's language; what cannot be taken apart as it came. */
function looserText(text) {
  const [, device, limit, value, before] = LOOSER.exec(text) ?? [];
  return before === undefined ? text : say(texts.loosened_one, { device, limit, value, before });
}

function result(said) {
  if (said.state !== "done") {
    at("trial").replaceChildren(element("p", "wrong", say(texts.trial_failed, { why: said.result })));
    return;
  }
  const found = said.result;
  const tiles = element("div", "tiles");
  tiles.append(
    tile(texts.as_before, number(found.before)),
    tile(texts.with_these, number(found.after), found.moved ? say(texts.at_another_time, { n: found.moved }) : ""),
    tile(texts.only_new, found.added ? `+${number(found.added)}` : "0"),
    tile(texts.only_old, found.removed ? `−${number(found.removed)}` : "0"),
  );
  const period = { period: stretch(found.since_ms, found.until_ms), devices: number(found.devices) };
  const alarms = found.alarms.slice(0, SHOWN).map((one) => {
    const shift = one.earliest_s || one.latest_s ? `${number(one.earliest_s)} / ${number(one.latest_s)} s` : "";
    return tableRow(["name", one.alarm], ...[one.before, one.after, one.added, one.removed].map((n) => ["number", number(n)]), ["number", shift]);
  });
  const heads = [["", texts.alarm_column], ["number", texts.before], ["number", texts.after], ["number", texts.added], ["number", texts.removed], ["number", texts.shift]];
  const parts = [element("p", "note", say(texts.trial_period, period)), tiles];
  if (found.loosened.length) {
    const list = element("ul");
    list.append(...found.loosened.map((text) => element("li", "", looserText(text))));
    parts.push(element("h2", "", texts.loosened_list), list);
  }
  if (alarms.length) parts.push(table(heads, alarms));
  if (found.examples.length) {
    const list = element("ul");
    list.append(
      ...found.examples.slice(0, SHOWN).map((one) => element("li", "", `${one.added ? "+" : "−"} ${moment(one.at_ms)} ${one.alarm}: ${language === "zh" ? one.reason_zh : one.reason_en}`)),
    );
    parts.push(element("h2", "", texts.examples), list);
  }
  at("trial").replaceChildren(...parts);
}

async function look() {
  await shown(BASE, versions);
  if (chosen) await shown(`${BASE}/${chosen}`, one);
}

/** Sends and tells; the answer if it was taken, else null. */
async function order(address, body, refusedAt = null) {
  const { ok, said } = await withProgress(send(address, body));
  const reason = said === null ? texts.no_answer : ok ? "" : reasonOf(said);
  if (refusedAt) {
    refusedAt.hidden = !reason;
    refusedAt.textContent = reason;
  } else if (reason) message(`${texts.refused}: ${reason}`);
  return ok ? said : null;
}

async function step(what) {
  const said = await order(`${BASE}/${chosen}/${what}`, { comment: at("comment").value.trim() });
  if (said === null) return;
  at("comment").value = "";
  message([texts.step_taken, said.result].filter(Boolean).join(" "));
  look();
}

for (const what of ["approve", "decline", "withdraw"]) at(what)?.addEventListener("click", () => step(what));
at("step").addEventListener("submit", (event) => event.preventDefault());
at("propose")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = await order(BASE, { text: at("text").value }, at("mistakes"));
  if (said === null) return;
  message(say(texts.proposed_as, said));
  choose(said.number);
});
at("try")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  if ((await order(`${BASE}/${chosen}/backtest`, { since_s: Number(at("days").value) })) !== null) look();
});
again(look, EVERY_MS);
