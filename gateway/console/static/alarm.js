// One alarm: what it is now, what to do, its trend, history and messages; kept new while it is looked at.

import { act, remark } from "/static/answers.js";
import { fateCell, whomCell } from "/static/calls.js";
import { actions, button, conditionName, inLanguage, mark, measured, moment, number, priorityOf, remarks, stateName, urgency } from "/static/lines.js";
import { Trend, spans } from "/static/plot.js";
import { ask, at, element, language, may, named, now, receipt, texts } from "/static/shell.js";

const EVERY_MS = 2000;
const alarm = at("one").dataset.alarm;
const query = `id=${encodeURIComponent(alarm)}`;
let shown = "";
let trend = null;

const causeName = (cause) => texts[`${cause}_cause`] ?? texts[cause] ?? cause;

function head({ row, device, in_fleet: inFleet }) {
  const titles = element("div", "titles");
  const title = element("h2");
  const what = [row.device || texts.this_gateway, row.channel, conditionName(row.condition)].filter(Boolean).join(" · ");
  title.append(what);
  titles.append(title, element("span", "note", [row.county, row.enterprise, row.site, row.asset].filter(Boolean).join(" / ")), element("span", "note", row.alarm));
  const state = element("span", `state ${row.unanswered ? "unanswered" : ""}`, row.open ? stateName(row) : texts.cleared);
  const buttons = element("p", "buttons");
  if (row.open) for (const action of actions(row)) buttons.append(button(action, row, act, `do ${action}`));
  if (may.has("acknowledge")) buttons.append(button("comment", row, () => remark(row), "do plain"));
  if (device && inFleet) {
    const link = element("a", "do", texts.device_page);
    link.href = `/device?key=${encodeURIComponent(device)}`;
    buttons.append(link);
  }
  for (const made of buttons.querySelectorAll("button")) made.tabIndex = 0;
  const place = at("head");
  place.className = `p${priorityOf(row)}`;
  place.replaceChildren(mark(priorityOf(row)), titles, state, buttons);
}

function todo({ row, consequence_en: english, consequence_zh: chinese }) {
  const other = language === "zh" ? row.response_en : row.response_zh;
  const why = (language === "zh" ? chinese : english) || english;
  const place = at("response");
  place.replaceChildren(element("p", "do-this", inLanguage(row, "response")));
  if (other) {
    const line = element("p", "other", other);
    line.lang = language === "zh" ? "en" : "zh-CN";
    place.append(line);
  }
  if (why) place.append(element("p", "", `${texts.consequence}: ${why}`));
}

/** Why it was raised stands first, whatever happened since. */
function facts({ row, history: steps }) {
  const raised = steps.find((step) => step.occurrence === row.occurrence && /raised$/.test(step.cause));
  const list = [raised ? inLanguage(raised, "reason") : ""];
  if (inLanguage(row, "reason") !== list[0]) list.push(inLanguage(row, "reason"));
  if (measured(row)) list.push(`${texts.value} ${measured(row)} · ${texts.limit} ${number(row.limit)} ${row.unit}`);
  const urgent = row.base_priority ? ` (${urgency(row, "more_urgent_why")})` : "";
  list.push(`${texts.priority}: ${texts[`priority_${priorityOf(row)}`]}${urgent} · ${texts.since} ${moment(row.raised_ms)}`);
  if (row.until_ms) list.push(`${texts.until} ${moment(row.until_ms)}`);
  if (row.clause) list.push(row.clause);
  list.push(remarks(row).join(" · "));
  at("facts").replaceChildren(...list.filter(Boolean).map((text) => element("p", "", text)));
}

function line(...parts) {
  const made = element("tr");
  for (const [text, className] of parts) made.append(element("td", className ?? "", text));
  return made;
}

function history({ history: steps }) {
  document.querySelector("#history tbody").replaceChildren(
    ...steps.map((step) =>
      line(
        [moment(step.at_ms), "at"],
        [step.cause === "comment" ? texts.comment : causeName(step.cause)],
        [[step.actor, texts[`role_${step.role}`]].filter(Boolean).join(" · ")],
        [step.source],
        [inLanguage(step, "reason"), "long"],
        [step.comment, "long"],
      ),
    ),
  );
  named(at("history"));
}

function deliveries({ deliveries: lines }) {
  at("sent").hidden = lines === null;
  if (lines === null) return;
  at("no-deliveries").hidden = lines.length > 0;
  at("deliveries").hidden = lines.length === 0;
  document.querySelector("#deliveries tbody").replaceChildren(
    ...lines.map((one) =>
      line(
        [causeName(one.cause)],
        [one.sink],
        [texts[one.state] ?? one.state, `sent-${one.state}`],
        [one.at_ns ? moment(one.at_ns / 1e6) : "", "at"],
        [one.attempts ? String(one.attempts) : ""],
        [receipt(one.detail), "long"],
      ),
    ),
  );
  named(at("deliveries"));
}

/** Only where somebody was called: most alarms are answered before. */
function called({ calls }) {
  at("called").hidden = !calls?.length;
  document.querySelector("#calls tbody").replaceChildren(
    ...(calls ?? []).map((call) => {
      const made = line([moment(call.at_ms), "at"], [`${call.level} · ${call.step}`], [""], [""], [call.attempts ? String(call.attempts) : ""]);
      made.children[2].append(whomCell(call));
      made.children[3].append(fateCell(call));
      return made;
    }),
  );
  named(at("calls"));
}

async function look() {
  try {
    const told = await ask(`/alarm/told?${query}`);
    const text = JSON.stringify(told);
    if (told === null || text === shown) return;
    shown = text;
    head(told);
    todo(told);
    facts(told);
    history(told);
    deliveries(told);
    called(told);
    document.title = `${told.row.alarm} · ${texts.product}`;
    if (trend === null) {
      trend = new Trend((from, to) => `/alarm/trend?${query}&from_ms=${from}&to_ms=${to}`);
      spans(trend, told.row.raised_ms, now);
    }
  } catch {
    // the page's head tells that nothing is heard; the next look follows
  } finally {
    setTimeout(look, EVERY_MS);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "a" || event.ctrlKey || event.metaKey || event.target.closest("input, select, dialog[open]")) return;
  document.querySelector("#head button.acknowledge, #head button.reset")?.click();
});
look();
