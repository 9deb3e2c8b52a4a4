// How a call is told: whom, by what, what became of it; on the system page and on an alarm's.

import { element, receipt, say, texts } from "/static/shell.js";

/** "roster:duty" or "role:supervisor", for people. */
export function whoOf(who) {
  const [kind, name] = [who.slice(0, who.indexOf(":")), who.slice(who.indexOf(":") + 1)];
  return kind === "role" ? say(texts.whole_role, { role: texts[`role_${name}`] ?? name }) : name;
}

/** Names and contacts; that nobody is on duty stands out. */
export function whomCell(call) {
  const made = element("span");
  if (call.nobody) made.append(element("b", "", texts.nobody_on_duty));
  for (const { person, contact } of call.persons) {
    made.append(element("b", "", person), " ");
    if (contact) made.append(element("span", "note", contact));
  }
  if (!call.nobody && call.persons.length === 0) made.append(element("b", "", whoOf(call.who)));
  return made;
}

/** Shape, word, and the receiver's answer where it failed or is tried again. */
export function fateCell(call) {
  const made = element("span", `verdict wide ${call.state === "failed" ? "missed" : "met"}`);
  const sign = element("span", "sign", { delivered: "✓", failed: "✗" }[call.state] ?? "–");
  sign.setAttribute("aria-hidden", "true");
  made.append(sign, element("span", "", texts[`call_${call.state}`] ?? call.state), element("span", "note", call.sink));
  if (call.state !== "delivered" && call.outcome) made.append(element("span", "note", receipt(call.outcome)));
  return made;
}
