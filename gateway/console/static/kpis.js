// The figures page: alarms over time, held against their targets; the worst ones, and what would calm them.

import { ask, at, element, language, say, texts } from "/static/shell.js";
import { bar, fill, moment, number, percent, shown, span, svg, tableRow, tile, withProgress } from "/static/look.js";
import { chosenPeriod } from "/static/period.js";

const [TALL, LEFT, BOTTOM, EACH_TICK] = [190, 46, 24, 150];
const STEPS = { 600000: ["step_ten", 10], 3600000: ["step_hour", 30], 86400000: ["step_day", 288] };
const LISTED = 20;
let period = null;
let drawnOf = null;
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
    tile(texts.rate, value(figure(said, "per_hour")), `${texts.target} ${target(figure(said, "per_hour"))}`),
    tile(texts.flood_time, value(figure(said, "flood_percent")), said.floods.length ? say(texts.floods_n, { n: said.floods.length }) : ""),
    tile(texts.answered_in, value(figure(said, "acknowledge_median_s")), say(texts.open_at_end, { n: number(figure(said, "not_acknowledged").value ?? 0) })),
  );
}

/** A round number at least as large; a quarter of it is whole. */
function ceiling(most) {
  for (let power = 1; ; power *= 10) {
    const found = [4, 8, 12, 20, 40].find((n) => n * power >= most);
    if (found) return found * power;
  }
}

/** Targets as people write them: "≤ 12", and "0" for what must not be. */
function target(one) {
  const said = (one.target ?? "").replace("<=", "≤").replace(">=", "≥").replace(/^==\s*/, "");
  return said && one.unit === "%" ? `${said} %` : said;
}

/** One unit of the drawing is one pixel: letters stay as large as all others. */
function plot(said) {
  drawnOf = said;
  const WIDE = Math.max(280, at("plot").clientWidth - 16);
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
  drawn.append(svg("text", { class: "tick", x: LEFT + 6, y: y(limit) - 4, "text-anchor": "start" }, say(texts.plot_limit, { n: number(limit) })));
  const ticks = Math.max(1, Math.floor((WIDE - LEFT) / EACH_TICK));
  for (let n = 0; n <= ticks; n += 1) {
    const at_ms = said.since_ms + ((said.until_ms - said.since_ms) * n) / ticks;
    drawn.append(svg("text", { class: "tick", x: x(at_ms), y: TALL - 6, "text-anchor": n === 0 ? "start" : n === ticks ? "end" : "middle" }, minute(at_ms)));
  }
  if (!said.annunciated) drawn.append(svg("text", { class: "tick none", x: (LEFT + WIDE) / 2, y: TALL / 2, "text-anchor": "middle" }, texts.no_alarms));
  at("plot").replaceChildren(drawn);
}

/** Day and minute: an axis names both. */
function minute(ms) {
  const two = (n) => String(n).padStart(2, "0");
  const then = new Date(ms);
  return `${two(then.getMonth() + 1)}-${two(then.getDate())} ${two(then.getHours())}:${two(then.getMinutes())}`;
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
  const none = { "usual test, no clause": texts.usual_test, "no target": texts.no_target }[one.clause];
  return none ?? (one.source_verified ? one.clause : `${one.clause}; ${texts.not_verified}`);
}

function table(said) {
  fill(
    at("figures"),
    said.figures.map((one) =>
      tableRow(
        ["name", language === "zh" ? one.title_zh : one.title_en],
        [`number${one.met === false ? " some" : ""}`, value(one)],
        ["number", target(one)],
        verdict(one),
        ["note long", sourceOf(one)],
      ),
    ),
  );
  const all = Object.values(said.by_priority).reduce((a, b) => a + b, 0);
  fill(
    at("split"),
    Object.entries(said.by_priority).map(([name, count]) => tableRow(["name", texts[name]], ["number", number(count)], bar(all ? (100 * count) / all : null, false))),
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

new ResizeObserver(() => drawnOf && plot(drawnOf)).observe(at("plot"));
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
