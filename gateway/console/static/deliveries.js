// The deliveries page: sinks, what they refused for good, sending that again.

import { at, boxed, element, language, receipt, say, send, texts } from "/static/shell.js";
import { again, fill, moment, number, shown, tableRow, told, withProgress } from "/static/look.js";
import { sinkRow } from "/static/sinks.js";

const EVERY_MS = 3000;
const chosen = new Set();
let sink = new URLSearchParams(location.search).get("sink") ?? "";
let dead = 0;

function choice() {
  at("chosen").disabled = chosen.size === 0;
  at("chosen").textContent = chosen.size ? say(texts.resend_chosen, { n: number(chosen.size) }) : texts.resend_none;
}

function open(name) {
  sink = name;
  chosen.clear();
  history.replaceState(null, "", `?${new URLSearchParams({ sink })}`);
  choice();
  look();
}

function linkTo(name, state) {
  if (!state.dead) return undefined;
  const made = element("button", "button", `${name}`);
  made.type = "button";
  made.setAttribute("aria-label", `${texts.look_at}: ${say(texts.letters_of, { sink: name })}`);
  made.addEventListener("click", () => open(name));
  return made;
}

function letter(one) {
  const pick = element("input");
  pick.type = "checkbox";
  pick.setAttribute("aria-label", `${texts.choose} ${one.event}`);
  pick.checked = chosen.has(one.event);
  pick.disabled = !one.event;
  pick.addEventListener("change", () => {
    if (pick.checked) chosen.add(one.event);
    else chosen.delete(one.event);
    choice();
  });
  const reason = element("span", "", receipt(one.reason));
  if (one.part) reason.append(element("span", "note", one.part));
  const made = tableRow(["pick", pick], ["at", moment(one.at_ns / 1e6)], ["at", one.event || `${one.lane} ${one.seq}`], ["name", one.alarm], ["long", reason], ["number", number(one.attempts)]);
  boxed(made.firstChild, pick);
  return made;
}

function showSinks(said) {
  at("silent").hidden = said.sinks !== null;
  const sinks = said.sinks ?? {};
  if (!sink) sink = Object.keys(sinks).find((name) => sinks[name].dead) ?? "";
  dead = sinks[sink]?.dead ?? 0;
  fill(at("sinks"), Object.entries(sinks).map(([name, state]) => sinkRow(name, state, linkTo(name, state))));
  fill(
    at("again"),
    said.again.map((one) =>
      tableRow(["at", moment(one.at_ms)], one.actor, one.sink, one.events ? number(one.events) : texts.everything, `${one.accepted ? "" : `${texts.refused}: `}${language === "zh" ? one.reason_zh : one.reason_en}`),
    ),
  );
}

function showLetters(said) {
  const there = new Set(said.letters.map((one) => one.event));
  for (const event of chosen) if (!there.has(event)) chosen.delete(event);
  at("letters-part").hidden = said.letters.length === 0;
  at("letters-title").textContent = `${say(texts.letters_of, { sink })} (${number(dead)})`;
  const focused = document.activeElement?.getAttribute("aria-label");
  fill(at("letters"), said.letters.map(letter));
  if (focused) document.querySelector(`#letters [aria-label="${CSS.escape(focused)}"]`)?.focus();
  choice();
}

async function look() {
  if (!(await shown("/deliveries/state", showSinks))) return;
  if (sink && at("silent").hidden) await shown(`/deliveries/dead?${new URLSearchParams({ sink })}`, showLetters);
}

async function resend(body) {
  for (const id of ["chosen", "all"]) at(id).disabled = true;
  told(await withProgress(send("/deliveries/resend", body)), texts.resending);
  chosen.clear();
  at("all").disabled = false;
  look();
}

at("chosen").addEventListener("click", () => resend({ sink, events: [...chosen] }));
at("all").addEventListener("click", () => {
  at("sure-text").textContent = say(texts.resend_sure, { n: number(dead), sink });
  at("sure").returnValue = "";
  at("sure").showModal();
});
at("sure").addEventListener("close", () => {
  if (at("sure").returnValue === "yes") resend({ sink, events: [] });
});
choice();
again(look, EVERY_MS);
