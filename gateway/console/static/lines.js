// How an alarm is written: its line in the list, and all that is known of it below the list.

import { boxed, element, language, may, now, say, texts } from "/static/shell.js";

export function number(value) {
  if (value === null || value === undefined) return "";
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
}

const two = (n) => String(n).padStart(2, "0");

/** Day and time of day, of this workstation's time zone. */
export function when(ms) {
  const at = new Date(ms);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return { day, time: `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}` };
}

/** The time alone if it is today's. */
export function moment(ms) {
  const { day, time } = when(ms);
  return day === when(now()).day ? time : `${day} ${time}`;
}

/** How long ago, in one unit. */
export function ago(ms) {
  const s = Math.max(0, (now() - ms) / 1000);
  if (s < 60) return texts.ago_now;
  if (s < 3600) return texts.ago_min.replace("{n}", Math.floor(s / 60));
  if (s < 86400) return texts.ago_h.replace("{n}", Math.floor(s / 3600));
  return texts.ago_d.replace("{n}", Math.floor(s / 86400));
}

export const inLanguage = (row, name) => row[`${name}_${language}`] || row[`${name}_en`] || "";

/** An alarm's own page. */
export const pageOf = (row) => `/alarm?id=${encodeURIComponent(row.alarm)}`;

/** What a person may do with an alarm now, the most usual first. */
export function actions(row) {
  const list = [];
  if (row.quieted) {
    const back = { shelved: "unshelve", out_of_service: "return_to_service" }[row.state];
    if (back && may.has("shelve")) list.push(back);
    return list;
  }
  if (may.has("acknowledge")) {
    if (row.unanswered) list.push("acknowledge");
    else if (row.resettable) list.push("reset");
  }
  if (may.has("shelve") && row.shelvable) list.push("shelve");
  if (may.has("shelve") && row.category !== "system") list.push("remove");
  return list;
}

export function priorityOf(row) {
  return Math.min(4, Math.max(1, row.priority));
}

export function mark(priority) {
  const shape = element("span", "shape", String(priority));
  shape.setAttribute("aria-hidden", "true");
  return shape;
}

/** That the time to danger made it more urgent, with the priority that the profile says, in words. */
export function urgency(row, text) {
  return say(texts[text], { base: texts[`priority_${Math.min(4, row.base_priority)}`] });
}

/** A limit's own letters, else what the condition is called. */
export const conditionName = (name) => texts[`condition_${name}`] ?? name.replaceAll("_", " ");

export function stateName(row) {
  return texts[row.resettable ? "waiting_reset" : row.state] ?? row.state;
}

/** Value and unit, and the limit where the sentence does not name it. */
export function measured(row) {
  if (row.value === null || row.limit === null || row.category !== "process") return "";
  return `${number(row.value)} ${row.unit}`.trim();
}

/** Remarks beside the sentence. */
export function remarks(row) {
  const list = row.flags.map((flag) => texts[flag] ?? "").filter(Boolean);
  if (!row.verified) list.push(texts.unverified);
  if (row.latched) list.push(texts.latched);
  return list;
}

function cell(name, ...parts) {
  const made = element("td", name);
  made.setAttribute("role", "gridcell");
  made.append(...parts.filter(Boolean));
  return made;
}

function clipped(name, className, text) {
  const made = element(name, className, text);
  if (text) made.title = text;
  return made;
}

function stateCell(row) {
  const notes = [];
  if (row.until_ms) notes.push(`${texts.until} ${moment(row.until_ms)}`);
  if (row.quieted) notes.push(row.active ? texts.condition_holds : texts.condition_over);
  else if (row.state === "acknowledged" && row.actor) notes.push(row.actor);
  if (row.latched && !row.quieted) notes.push(texts.latched);
  return cell("state", clipped("span", "name", stateName(row)), clipped("span", "note", notes.join(" · ")));
}

function sinceCell(row) {
  const { day, time } = when(row.raised_ms);
  const stamp = element("time", "", time);
  stamp.dateTime = new Date(row.raised_ms).toISOString();
  return cell("since", stamp, element("span", "note", day === when(now()).day ? ago(row.raised_ms) : day));
}

function whereCell(row) {
  const path = [row.county, row.enterprise, row.site, row.asset].filter(Boolean).join(" / ");
  return cell("where", clipped("b", "", row.device || texts.this_gateway), clipped("span", "note", path));
}

function whatCell(row) {
  const head = element("p", "head");
  const together = row.together?.count > 1 ? row.together : null;
  if (together && row.first_out) head.append(element("span", "badge first", say(texts.first_out, { n: together.count })), " ");
  head.append(element("b", "", row.channel || (row.device ? texts.whole_device : "")), " ");
  head.append(element("span", "condition", conditionName(row.condition)));
  const value = measured(row);
  if (value) head.append(" ", element("span", "value", value));
  if (value && !row.explained) head.append(" ", element("span", "note inline", `${texts.limit} ${number(row.limit)} ${row.unit}`.trim()));
  if (row.base_priority) {
    const badge = element("span", "badge urgent", urgency(row, "more_urgent"));
    badge.title = urgency(row, "more_urgent_why");
    head.append(" ", badge);
  }
  if (row.chattering) head.append(" ", element("span", "badge", texts.chattering));
  if (row.fleeting) head.append(" ", element("span", "badge", texts.fleeting));
  if (together?.first && !row.first_out) {
    const first = [together.first.device, together.first.channel, conditionName(together.first.condition)].filter(Boolean).join(" ");
    head.append(" ", clipped("span", "badge", say(texts.group, { first })));
  }
  head.title = head.textContent;
  const sentence = [inLanguage(row, "reason"), ...remarks(row).filter((r) => r !== texts.latched)].join(" · ");
  return cell("what", head, clipped("p", "reason", sentence));
}

/** The line of an alarm. act(action, row, button) is called by its button, toggled(row) by its box. */
export function line(row, { chosen, marked }, act, toggled) {
  const priority = priorityOf(row);
  const states = [`p${priority}`, row.unanswered ? "unanswered" : "answered", row.active ? "active" : "returned"];
  if (row.quieted) states.push("quieted");
  const made = element("tr", states.join(" "));
  made.setAttribute("role", "row");
  made.setAttribute("aria-selected", String(chosen));
  made.dataset.alarm = row.alarm;
  const box = element("input");
  box.type = "checkbox";
  box.checked = marked;
  box.tabIndex = -1;
  box.setAttribute("aria-label", `${texts.mark} ${row.alarm}`);
  box.addEventListener("change", () => toggled(row));
  const [action] = actions(row).filter((name) => name !== "shelve" && name !== "remove");
  const boxCell = cell("box", may.has("acknowledge") ? box : null);
  if (may.has("acknowledge")) boxed(boxCell, box);
  made.append(
    boxCell,
    cell("priority", mark(priority), element("span", "name", texts[`priority_${priority}`])),
    stateCell(row),
    sinceCell(row),
    whereCell(row),
    whatCell(row),
    cell("response", clipped("p", "", inLanguage(row, "response"))),
    cell("action", action ? button(action, row, act) : null),
  );
  return made;
}

export function button(action, row, act, className = action) {
  const made = element("button", className, texts[action]);
  made.type = "button";
  made.tabIndex = -1;
  made.setAttribute("aria-label", `${texts[action]} ${row.alarm}`);
  made.addEventListener("click", (event) => act(action, row, made, event));
  return made;
}
