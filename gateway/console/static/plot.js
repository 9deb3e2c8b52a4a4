// The trend of one channel: its line, limits with their deadbands, and what was found. Drawn by plotly, which
// comes from this console; zooming asks for the readings again, so that a closer look shows more of them.

import { number, when } from "/static/lines.js";
import { ask, at, element, language, say, texts } from "/static/shell.js";

const LIBRARY = "/plotly.min.js";
const SPAN_MIN_MS = 2000;
const NARROW_PX = 520;
/** Times of day as everywhere in the console, whatever plotly's own language. */
const TICKS = [
  { dtickrange: [null, 60_000], value: "%H:%M:%S\n%Y-%m-%d" },
  { dtickrange: [60_000, 86_400_000], value: "%H:%M\n%Y-%m-%d" },
  { dtickrange: [86_400_000, null], value: "%Y-%m-%d" },
];
const SYMBOLS = { raised: "triangle-up", re_raised: "triangle-up", cleared: "circle-open" };
let library = null;

function load() {
  library ??= new Promise((resolve, reject) => {
    const script = element("script");
    script.src = LIBRARY;
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => {
      library = null;
      reject(new Error(texts.plot_failed));
    });
    document.head.append(script);
  });
  return library;
}

/** This workstation's time as plotly writes it. */
function local(ms) {
  const { day, time } = when(ms);
  return `${day} ${time}.${String(Math.floor(ms) % 1000).padStart(3, "0")}`;
}

const back = (text) => new Date(String(text).replace(" ", "T")).getTime();
const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

function traces(told) {
  const { line, found } = told;
  const x = line.at_ms.map(local);
  const step = told.about?.kind === "discrete" ? "hv" : "linear";
  const list = [
    {
      x, y: line.value, mode: line.count < 400 ? "lines+markers" : "lines", name: texts.value, connectgaps: false,
      line: { color: colour("--trace"), width: 1.6, shape: step }, marker: { size: 4 }, hoverlabel: { namelength: 0 },
    },
  ];
  const some = (places, name, symbol, paint) => {
    if (places.length) {
      list.push({
        x: places.map((n) => x[n]), y: places.map((n) => line.value[n]), mode: "markers", name,
        marker: { symbol, size: 8, color: paint },
      });
    }
  };
  some(line.uncertain, texts.uncertain, "diamond-open", colour("--p3"));
  some(line.late, texts.late, "square-open", colour("--quiet"));
  if (line.bad.length) {
    const low = Math.min(...line.value.filter((v) => v !== null), ...(told.about?.limits ?? []).map((l) => l.setpoint));
    list.push({
      x: line.bad.map(([ms]) => local(ms)), y: line.bad.map(() => (Number.isFinite(low) ? low : 0)), mode: "markers",
      name: texts.bad, text: line.bad.map(([, reason]) => reason), hoverinfo: "x+text+name",
      marker: { symbol: "x-thin-open", size: 9, color: colour("--p2") },
    });
  }
  const events = found.filter((event) => event.value !== null && event.cause in SYMBOLS);
  if (events.length) {
    list.push({
      x: events.map((event) => local(event.at_ms)), y: events.map((event) => event.value), mode: "markers",
      name: texts.cause, hoverinfo: "x+text", showlegend: false,
      text: events.map((event) => plain(event[`reason_${language}`] || event.reason_en)),
      marker: {
        symbol: events.map((event) => SYMBOLS[event.cause]), size: 13,
        color: events.map((event) => colour(`--p${Math.min(4, Math.max(1, event.priority))}`)),
        line: { width: 1.5, color: colour("--text") },
      },
    });
  }
  return list;
}

/** Plotly reads a little markup in texts: what devices and people wrote is none. */
function plain(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function shapes(told) {
  const list = [];
  for (const limit of told.about?.limits ?? []) {
    const paint = colour(`--p${limit.priority}`);
    const whole = { xref: "paper", x0: 0, x1: 1, layer: "below" };
    if (limit.deadband) {
      list.push({ ...whole, type: "rect", y0: limit.clears, y1: limit.setpoint, fillcolor: paint, opacity: 0.14, line: { width: 0 } });
    }
    list.push({ ...whole, type: "line", y0: limit.setpoint, y1: limit.setpoint, layer: "above", line: { color: paint, width: 1.5, dash: "dash" } });
  }
  for (const event of told.found) {
    if (event.cause !== "raised" && event.cause !== "re_raised") continue;
    const x = local(event.at_ms);
    list.push({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color: colour("--quiet"), width: 1, dash: "dot" } });
  }
  return list;
}

function notes(told) {
  return (told.about?.limits ?? []).map((limit) => ({
    xref: "paper", x: 1, xanchor: "left", y: limit.setpoint, yanchor: "middle", showarrow: false, align: "left",
    text: plain(`${limit.condition} ${number(limit.setpoint)}`), font: { size: 11, color: colour("--text") },
  }));
}

const isNarrow = () => at("plot").clientWidth < NARROW_PX;
const margins = () => (isNarrow() ? { l: 44, r: 52, t: 12, b: 38 } : { l: 62, r: 64, t: 12, b: 38 });
const ticks = () => (isNarrow() ? 4 : 0);

function layout(told, from, to) {
  const grid = colour("--line");
  const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid, color: colour("--quiet") };
  const unit = told.about?.unit ?? "";
  const names = told.about?.[`states_${language}`] ?? {};
  const states = Object.entries(names);
  return {
    margin: margins(), paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("--text") },
    xaxis: { ...axis, type: "date", range: [local(from), local(to)], tickformatstops: TICKS, tickangle: 0, nticks: ticks() },
    yaxis: {
      ...axis, title: { text: plain(unit) }, fixedrange: true,
      ...(states.length ? { tickvals: states.map(([n]) => Number(n)), ticktext: states.map(([, name]) => plain(name)) } : {}),
    },
    shapes: shapes(told), annotations: notes(told), dragmode: "zoom", hovermode: "closest",
    showlegend: told.line.uncertain.length + told.line.late.length + told.line.bad.length > 0,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    hoverlabel: { font: { size: 12 } },
  };
}

export class Trend {
  /** address(from, to): where the readings of a stretch (ms) are asked for. */
  constructor(address) {
    this.address = address;
    this.asked = 0;
    this.told = null;
    this.bound = false;
    new ResizeObserver(() => this.#fit()).observe(at("plot"));
    document.addEventListener("theme", () => this.#draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** Show a stretch; quietly: without a word that it is being drawn. */
  async show(from, to, { quietly = false } = {}) {
    this.asked += 1;
    const mine = this.asked;
    if (!quietly) at("trend-note").textContent = texts.plot_loading;
    try {
      const told = await ask(this.address(Math.floor(from), Math.ceil(to)));
      if (mine !== this.asked) return;
      this.told = told;
      this.range = [from, to];
      await this.#draw();
    } catch (error) {
      if (mine === this.asked) at("trend-note").textContent = error.message;
    }
  }

  async #draw() {
    const place = at("plot");
    if (this.range === undefined) return;
    if (this.told === null || this.told.line.count === 0) {
      if (this.bound) window.Plotly.purge(place);
      this.bound = false;
      place.replaceChildren();
      place.className = "empty";
      place.textContent = this.told === null ? texts.no_trend : texts.no_readings;
      at("trend-note").textContent = "";
      return;
    }
    const Plotly = await load();
    if (place.className === "empty") {
      place.className = "";
      place.textContent = "";
    }
    const config = { displayModeBar: false, displaylogo: false, doubleClick: false, showTips: false };
    await Plotly.react(place, traces(this.told), layout(this.told, ...this.range), config);
    this.#say();
    if (this.bound) return;
    this.bound = true;
    place.on("plotly_relayout", (change) => {
      const [from, to] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      if (from === undefined || to === undefined || back(to) - back(from) < SPAN_MIN_MS) return;
      this.zoomed = true;
      this.show(back(from), back(to));
    });
    place.on("plotly_doubleclick", () => this.whole?.());
  }

  /** As wide as its place; on a narrow screen fewer times stand under the line. */
  #fit() {
    const { clientWidth: width, clientHeight: height } = at("plot");
    if (this.bound && width > 0) window.Plotly.relayout(at("plot"), { width, height, margin: margins(), "xaxis.nticks": ticks() });
  }

  #say() {
    const { line } = this.told;
    const list = [say(texts.readings_count, { count: line.count, bad: line.bad_count })];
    if (line.reduced) list.push(texts.readings_reduced);
    if (line.cut) list.push(texts.readings_cut);
    list.push(texts.trend_hint);
    at("trend-note").textContent = list.join(" ");
  }
}

/** The buttons over a plot: how long a stretch, around an event (ms) or until now. */
export function spans(trend, eventMs, nowMs, minutes = 20) {
  let chosen = minutes;
  let untilNow = eventMs === null;
  const show = (quietly = false) => {
    trend.zoomed = false;
    const span = chosen * 60_000;
    const end = Math.min(untilNow ? Infinity : eventMs + span / 2, nowMs() + span / 40);
    trend.show(end - span, end, { quietly });
    for (const made of document.querySelectorAll(".spans [data-minutes]")) {
      made.setAttribute("aria-pressed", String(Number(made.dataset.minutes) === chosen));
    }
    at("trend-now").setAttribute("aria-pressed", String(untilNow));
  };
  for (const made of document.querySelectorAll(".spans [data-minutes]")) {
    made.addEventListener("click", () => {
      chosen = Number(made.dataset.minutes);
      show();
    });
  }
  at("trend-now").hidden = eventMs === null;
  at("trend-now").addEventListener("click", () => {
    untilNow = !untilNow;
    show();
  });
  trend.whole = show;
  setInterval(() => {
    if (untilNow && !trend.zoomed && !document.hidden) show(true);
  }, 10_000);
  show();
}
