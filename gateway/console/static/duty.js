// On the system page: calls that nobody has answered, who is on duty, the fire drill.

import { fateCell, whomCell, whoOf } from "/static/calls.js";
import { again, fill, mark, moment, number, tableRow, told, withProgress } from "/static/look.js";
import { ask, at, element, language, may, message, say, send, texts } from "/static/shell.js";

const EVERY_MS = 3000;
let drawn = "";

function step(next) {
  if (!next) return texts.call_last;
  return say(texts.call_next_step, { who: whoOf(next.who), time: moment(next.at_ms) });
}

async function answer(one, button) {
  button.disabled = true;
  const body = { alarm: one.alarm, occurrence: one.occurrence };
  if (told(await send("/alarms/acknowledge", body))) message(texts.answered);
  else button.disabled = false;
  await look();
}

function alarmsCell(call) {
  const made = element("span");
  for (const one of call.alarms) {
    const line = element("p", "called-alarm");
    const link = element("a", "plain-link", one.alarm);
    link.href = `/alarm?id=${encodeURIComponent(one.alarm)}`;
    line.append(mark(one.priority), " ", link);
    if (may.has("acknowledge")) {
      const button = element("button", "button", texts.acknowledge);
      button.type = "button";
      button.setAttribute("aria-label", `${texts.acknowledge} ${one.alarm}`);
      button.addEventListener("click", () => answer(one, button));
      line.append(" ", button);
    }
    made.append(line);
  }
  if (call.total > call.alarms.length) made.append(element("span", "note", say(texts.call_more, { n: number(call.total) })));
  return made;
}

function showCalls({ calls, coming }) {
  at("calls").hidden = calls.length === 0;
  at("calls-none").hidden = calls.length > 0;
  const focused = document.activeElement?.getAttribute("aria-label");
  fill(
    at("calls"),
    calls.map((call) => tableRow(["at", moment(call.at_ms)], `${call.level} · ${call.step}`, whomCell(call), fateCell(call), ["name", alarmsCell(call)], step(call.next))),
  );
  if (focused) document.querySelector(`#calls [aria-label="${CSS.escape(focused)}"]`)?.focus();
  const listed = new Set(calls.map((call) => JSON.stringify(call.next)));
  const others = coming.filter((one) => !listed.has(JSON.stringify(one)));
  at("coming").hidden = others.length === 0;
  at("coming").textContent = say(texts.coming, { list: others.map((one) => `${step(one)} (${one.alarm})`).join(" · ") });
}

function shifts(list, time) {
  const made = element("span");
  for (const one of list) {
    const line = element("p", "shift");
    line.append(element("b", "", one.person), " ", element("span", "note inline", [one.contact, time(one)].filter(Boolean).join(" · ")));
    made.append(line);
  }
  return made;
}

function roster(one) {
  const title = element("span");
  title.append(element("b", "", one.name), element("span", "note", one.zone));
  if (one.problem) title.append(element("span", "wrong", one.problem));
  const now = one.now.length ? shifts(one.now, (s) => say(texts.duty_until, { time: moment(s.to_ms) })) : element("b", "nobody", texts.nobody_on_duty);
  const gaps = element("span");
  for (const gap of one.gaps) gaps.append(element("p", "shift gap", say(texts.duty_gap, { from: moment(gap.from_ms), to: moment(gap.to_ms) })));
  if (one.gaps_total > one.gaps.length) gaps.append(element("span", "note", say(texts.duty_more, { n: one.gaps_total - one.gaps.length })));
  if (one.gaps_total === 0) gaps.append(element("span", "note", texts.duty_no_gap));
  at("gaps-title").textContent = say(texts.duty_gaps, { n: one.days });
  return tableRow(["name", title], now, shifts(one.next, (s) => say(texts.duty_from, { time: moment(s.from_ms) })), gaps);
}

function receipts(drill) {
  const made = element("span");
  for (const [name, one] of Object.entries(drill.sinks).sort()) {
    const bad = one.outcome === "refused" || one.outcome === "no receipt";
    const line = element("p", "shift");
    const word = texts[`outcome_${one.outcome.replaceAll(" ", "_")}`] ?? one.outcome;
    line.append(element(bad ? "b" : "span", "", `${name}: ${word}`));
    if (one.outcome === "receipt") line.append(" ", element("span", "note inline", `${number(one.latency_s, 2)} s`));
    made.append(line);
  }
  return made;
}

/** What failed; the outcomes among it in the page's language. */
function problemOf({ problem }) {
  return problem.replace(/: (refused|no receipt)\b/g, (_, outcome) => `: ${texts[`outcome_${outcome.replace(" ", "_")}`]}`);
}

function result(drill) {
  const made = element("span", `verdict wide ${drill.problem ? "missed" : "met"}`);
  const sign = element("span", "sign", drill.problem ? "✗" : "✓");
  sign.setAttribute("aria-hidden", "true");
  const why = drill.why === "asked" ? say(texts.drill_asked, { who: drill.by || texts.drill_somebody }) : texts.drill_scheduled;
  made.append(sign, element("span", "", problemOf(drill) || texts.drill_all_reached), element("span", "note", why));
  return made;
}

function showDrill({ drill, exercise }) {
  at("drill-run").disabled = drill === null || drill.running;
  const drills = drill?.drills ?? [];
  at("drills").hidden = drills.length === 0;
  let state = "";
  if (exercise) state = texts.drill_exercise;
  else if (drill?.running) state = texts.drill_running;
  else if (drill !== null && drills.length === 0) state = texts.drill_none;
  at("drill-state").textContent = state;
  fill(
    at("drills"),
    drills.map((one) => tableRow(["at", moment(one.began_ms)], result(one), ["number", one.latency_s.alarm === undefined ? "–" : `${number(one.latency_s.alarm, 2)} s`], receipts(one))),
  );
}

function show(said) {
  const { now_ms: _, ...rest } = said;
  const text = JSON.stringify([language, rest]);
  if (text === drawn) return;
  drawn = text;
  const silent = said.calls === null;
  at("duty-silent").hidden = !silent;
  if (silent) {
    for (const id of ["calls", "calls-none", "coming", "rosters", "duty-none"]) at(id).hidden = true;
  } else {
    showCalls(said);
    at("rosters").hidden = said.rosters.length === 0;
    at("duty-none").hidden = said.rosters.length > 0;
    fill(at("rosters"), said.rosters.map(roster));
  }
  showDrill(said);
}

async function look() {
  try {
    const said = await ask("/system/duty");
    if (said !== null) show(said);
  } catch {
    // the page's head tells that nothing is heard; the next look follows
  }
}

at("drill-run").addEventListener("click", () => {
  at("drill-sure").returnValue = "";
  at("drill-sure").showModal();
});
at("drill-sure").addEventListener("close", async () => {
  if (at("drill-sure").returnValue !== "yes") return;
  at("drill-run").disabled = true;
  told(await withProgress(send("/system/drill", {})), texts.drill_begun);
  drawn = "";
  look();
});
again(look, EVERY_MS);
