// The figures page: alarms over time, held against their targets; the worst ones, and what would calm them.

import { ask, at, element, language, say, texts } from "/static/shell.js";
import { bar, fill, moment, number, percent, shown, span, svg, tableRow, tile, withProgress } from "/static/look.js";
import { chosenPeriod } from "/static/period.js";

const [WIDE, TALL, LEFT, BOTTOM] = [1200, 190, 46, 24];
const STEPS = { 600000: ["step_ten", 10], 3600000: ["step_hour", 30], 86400000: ["step_day", 288] };
const LISTED = 20;
let period = null;
let calmFor = 0;

const figure = (said, id) => said.figures.find((one) => one.id === id);

function value(one) {
  if (one.value === null) return "–";
  if (one.unit === "s") return span(one.value);
  return one.unit === "%" ? percent(one.value) : number(one.value, 2);
}

function tiles(said) {
  at("tiles").replaceChildren(
    tile(texts.annunciated, number(said.annunciated)),
    tile(texts.rate, value(figure(said, "per_hour")), `${texts.target} ${figure(said, "per_hour").target}`),
    tile(texts.flood_time, value(figure(said, "flood_percent")), said.floods.length ? say(texts.floods_n, { n: said.floods.length }) : ""),
    tile(texts.answered_in, value(figure(said, "acknowledge_median_s")), say(texts.open_at_end, { n: number(figure(said, "not_acknowledged").value ?? 0) })),
  );
}

/** A round number at least as large. */
function ceiling(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  return Math.max(4, power * [1, 2, 4, 5, 8, 10].find((n) => n * power >= most));
}

function plot(said) {
  const [step, each] = STEPS[said.step_ms];
  const limit = each * said.operators;
  at("plot-title").textContent = say(texts.over_time, { step: texts[step] });
  const most = ceiling(Math.max(limit * 1.1, ...said.counts));
  const x = (ms) => LEFT + ((ms - said.since_ms) / (said.until_ms - said.since_ms)) * (WIDE - LEFT);
  const y = (count) => TALL - BOTTOM - (count / most) * (TALL - BOTTOM - 8);
  const drawn = svg("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, role: "img", "aria-label": at("plot-title").textContent });
  for (const flood of said.floods) {
    const begin = Math.max(flood.begin_ms, said.since_ms);
    const shade = svg("rect", { class: "flooded", x: x(begin), width: Math.max(2, x(flood.end_ms) - x(begin)), y: 4, height: TALL - BOTTOM - 4 });
    shade.append(svg("title", {}, `${texts.plot_flood}: ${moment(flood.begin_ms)} – ${moment(flood.end_ms)}, ${flood.alarms}`));
    drawn.append(shade);
  }
  for (const line of [0, most / 4, most / 2, (3 * most) / 4, most]) {
    drawn.append(svg("line", { class: "net", x1: LEFT, x2: WIDE, y1: y(line), y2: y(line) }));
    drawn.append(svg("text", { class: "tick", x: LEFT - 6, y: y(line) + 4, "text-anchor": "end" }, number(line)));
  }
  said.counts.forEach((count, n) => {
    if (!count) return;
    const begin = said.since_ms + n * said.step_ms;
    const end = Math.min(begin + said.step_ms, said.until_ms);
    const one = svg("rect", { class: count > limit ? "column much" : "column", x: x(begin) + 0.4, width: Math.max(1, x(end) - x(begin) - 0.8), y: y(count), height: TALL - BOTTOM - y(count) });
    one.append(svg("title", {}, `${moment(begin)}: ${count}`));
    drawn.append(one);
  });
  drawn.append(svg("line", { class: "limit", x1: LEFT, x2: WIDE, y1: y(limit), y2: y(limit) }));
  drawn.append(svg("text", { class: "tick", x: WIDE - 4, y: y(limit) - 4, "text-anchor": "end" }, say(texts.plot_limit, { n: number(limit) })));
  for (let n = 0; n <= 6; n += 1) {
    const at_ms = said.since_ms + ((said.until_ms - said.since_ms) * n) / 6;
    drawn.append(svg("text", { class: "tick", x: x(at_ms), y: TALL - 6, "text-anchor": n === 0 ? "start" : n === 6 ? "end" : "middle" }, moment(at_ms).replace(/:\d\d$/, "")));
  }
  at("plot").replaceChildren(drawn);
}

function verdict(one) {
  if (one.met === null) return "";
  const made = element("span", `verdict ${one.met ? "met" : "missed"}`);
  const sign = element("span", "sign", one.met ? "✓" : "✗");
  sign.setAttribute("aria-hidden", "true");
  made.append(sign, element("span", "", one.met ? texts.met : texts.not_met));
  return made;
}

function sourceOf(one) {
  const clause = { "usual test, no clause": texts.usual_test, "no target": texts.no_target }[one.clause] ?? one.clause;
  return one.source_verified || clause !== one.clause ? clause : `${clause}; ${texts.not_verified}`;
}

function table(said) {
  fill(
    at("figures"),
    said.figures.map((one) =>
      tableRow(
        language === "zh" ? one.title_zh : one.title_en,
        [`number${one.met === false ? " some" : ""}`, value(one)],
        ["number", one.target ? `${one.target}${one.unit === "%" ? " %" : ""}` : ""],
        verdict(one),
        ["note", sourceOf(one)],
      ),
    ),
  );
  const all = Object.values(said.by_priority).reduce((a, b) => a + b, 0);
  fill(
    at("split"),
    Object.entries(said.by_priority).map(([name, count]) => tableRow(texts[name], ["number", number(count)], bar(all ? (100 * count) / all : null, false))),
  );
}

function alarmName(alarm) {
  const link = element("a", "", alarm);
  link.href = `/alarm?id=${encodeURIComponent(alarm)}`;
  return link;
}

function lists(said) {
  for (const list of ["top", "chattering", "fleeting", "stale"]) {
    const rows = said[list].slice(0, LISTED);
    fill(
      at(list),
      rows.map((one) => tableRow(["name", alarmName(one.alarm)], ["number", list === "stale" ? "" : number(one.count)], list === "top" ? bar(one.percent, false) : "", ["number", span(one.longest_s)])),
    );
  }
}

function settings(effect, unit) {
  if (!effect) return "";
  const values = { deadband: number(effect.deadband, 3), unit, on: number(effect.on_delay_s), off: number(effect.off_delay_s) };
  return say(texts.setting, values);
}

function calmer(said) {
  at("no-suggestions").hidden = said.suggestions.length > 0;
  at("suggestions").hidden = said.suggestions.length === 0;
  fill(
    at("suggestions"),
    said.suggestions.map((one) => {
      const reason = language === "zh" ? one.reason_zh : one.reason_en;
      const effect = element("span");
      if (one.suggested) {
        const values = { now: one.now.alarms, then: one.suggested.alarms, missed: one.missed, longest: number(one.longest_missed_s), slowest: number(one.slowest_s) };
        effect.append(say(texts.effect_text, values));
      }
      if (reason) effect.append(element("span", "note", reason));
      return tableRow(["name", alarmName(one.alarm)], settings(one.now, one.unit), one.suggested ? settings(one.suggested, one.unit) : texts.no_better, effect);
    }),
  );
}

function show(said) {
  at("told").hidden = false;
  tiles(said);
  plot(said);
  table(said);
  lists(said);
}

at("calm").addEventListener("click", async () => {
  const asked = calmFor;
  at("calm").disabled = true;
  try {
    const said = await withProgress(ask(`/kpis/suggestions?${period}`));
    if (said !== null && asked === calmFor) calmer(said);
  } catch (error) {
    at("wrong").textContent = `${texts.not_read}: ${error.message}`;
    at("wrong").hidden = false;
  } finally {
    at("calm").disabled = false;
  }
});
chosenPeriod((query) => {
  calmFor += 1;
  at("suggestions").hidden = true;
  period = new URLSearchParams(query);
  period.delete("operators");
  if (at("csv")) at("csv").href = `/kpis.csv?${query}`;
  shown(`/api/v1/kpis?${query}`, show);
});
