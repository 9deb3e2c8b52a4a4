// What one person asked for and a second one has to confirm: listed over the alarms until it is answered or over;
// rules that wait for an approval too, for those who may give it.

import { moment, pageOf } from "/static/lines.js";
import { ask, at, element, may, message, reasonOf, say, send, texts } from "/static/shell.js";

const EVERY_MS = 3000;
const API = "/api/v1/requests";
const RULES = "/api/v1/proposals?state=proposed";
const MINUTE_S = 60;
const NAMES = { shelve: "shelve", out_of_service: "remove" };
let shown = "";

function what(request) {
  const { action, args } = request;
  const minutes = args.for_s ? Math.round(args.for_s / MINUTE_S) : null;
  const parts = [texts[NAMES[action]] ?? action];
  if (minutes !== null) parts.push(say(texts.for_minutes, { n: minutes }));
  if (args.work_order) parts.push(`${texts.work_order} ${args.work_order}`);
  if (args.reason) parts.push(args.reason);
  return parts.join(" · ");
}

async function answer(action, request, button) {
  button.disabled = true;
  const { said } = await send(`${API}/${encodeURIComponent(request.request)}/${action}`, {});
  if (said === null) message(texts.no_answer);
  else if (!said.accepted) message(`${texts.refused}: ${reasonOf(said)}`);
  else message(reasonOf(said));
  shown = "";
  look({ again: false });
}

function button(action, name, request) {
  const made = element("button", action === "confirm" ? "" : "plain", texts[name]);
  made.type = "button";
  made.setAttribute("aria-label", `${texts[name]} ${request.alarms.join(" ")}`);
  made.addEventListener("click", () => answer(action, request, made));
  return made;
}

function line(request) {
  const made = element("li");
  const about = element("span", "about");
  about.append(element("b", "", `${request.yours ? texts.you : request.by}: `), what(request), " ");
  for (const alarm of request.alarms) {
    const link = element("a", "", alarm);
    link.href = pageOf({ alarm });
    about.append(link, " ");
  }
  about.append(element("span", "note inline", `${texts.until} ${moment(request.until_ms)}`));
  const buttons = element("span", "buttons");
  if (!request.yours && may.has("confirm")) buttons.append(button("confirm", "confirm", request));
  if (may.has("shelve")) buttons.append(button("decline", request.yours ? "take_back" : "decline", request));
  made.append(about, buttons);
  return made;
}

/** Approved on the rules page, with the back-test before one's eyes. */
function rulesLine(proposal) {
  const made = element("li");
  const about = element("span", "about");
  const name = say(texts.rules_proposed, { version: proposal.version });
  about.append(element("b", "", `${proposal.author}: `), [name, proposal.reason].filter(Boolean).join(" · "), " ");
  if (proposal.loosened.length) about.append(element("span", "note inline", texts.rules_looser));
  const buttons = element("span", "buttons");
  const link = element("a", "", texts.rules_open);
  link.href = `/rules?number=${proposal.number}`;
  link.setAttribute("aria-label", `${texts.rules_open} ${name}`);
  buttons.append(link);
  made.append(about, buttons);
  return made;
}

async function look({ again = true } = {}) {
  try {
    const [told, rules] = await Promise.all([ask(API), may.has("approve") ? ask(RULES) : { proposals: [] }]);
    if (told === null || rules === null) return;
    const text = JSON.stringify([told.requests, rules.proposals]);
    if (text !== shown) {
      shown = text;
      at("requests").hidden = told.requests.length + rules.proposals.length === 0;
      document.querySelector("#requests ul").replaceChildren(...told.requests.map(line), ...rules.proposals.map(rulesLine));
    }
  } catch {
    // the core's silence has its own banner; what is shown may be old then, as all of the page
  } finally {
    if (again) setTimeout(look, EVERY_MS);
  }
}

look();
