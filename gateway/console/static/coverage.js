// The coverage page: every expected channel in one state, now and over a period.

import { at, element, say, texts } from "/static/shell.js";
import { bar, fill, moment, number, percent, shown, span, statesText, stretch, tableRow, tile } from "/static/look.js";
import { chosenPeriod } from "/static/period.js";

const LISTED = 200;
let told = null;

function tiles() {
  const { total } = told;
  const blind = told.blind.reduce((sum, [begin, end]) => sum + (end - begin), 0) / 1000;
  const waiting = told.not_yet_commissioned;
  at("tiles").replaceChildren(
    tile(texts.at_end, percent(total.coverage_percent), texts.coverage_hint),
    tile(texts.over_period, percent(total.period_coverage_percent), texts.coverage_hint),
    tile(texts.expected, number(total.expected), waiting ? say(texts.not_commissioned, { n: number(waiting) }) : ""),
    tile(texts.blind_for, span(blind), told.blind.length ? say(texts.blind_times, { n: told.blind.length }) : ""),
  );
}

function states() {
  const { total } = told;
  const names = Object.keys(total.channels).reverse();
  fill(
    at("states"),
    names.map((name) => {
      const hours = total.hours[name] ?? 0;
      const share = total.expected_hours ? (100 * hours) / total.expected_hours : null;
      const some = name !== "live" && (total.channels[name] || hours) ? " some" : "";
      const made = tableRow(
        [`name${some}`, texts[`state_${name}`]],
        [`number${some}`, number(total.channels[name])],
        [`number${some}`, number(hours)],
        bar(share, false),
      );
      if (!total.channels[name] && !hours) made.className = "empty";
      return made;
    }),
  );
  at("blind-title").hidden = !told.blind.length;
  at("blind-list").replaceChildren(
    ...told.blind.slice(0, 20).map(([begin, end]) => element("li", "", `${stretch(begin, end)} (${span((end - begin) / 1000)})`)),
  );
}

function groups() {
  const by = at("by").value;
  const found = told.groups.filter((group) => group.by === by);
  const low = (value) => (value === null ? 101 : value);
  found.sort((a, b) => low(a.period_coverage_percent) - low(b.period_coverage_percent) || low(a.coverage_percent) - low(b.coverage_percent));
  fill(
    at("groups"),
    found.map((group) => {
      const some = Object.fromEntries(Object.entries(group.channels).filter(([, n]) => n));
      return tableRow(
        ["name", nameOf(group)],
        bar(group.coverage_percent),
        bar(group.period_coverage_percent),
        ["states", statesText(some)],
        ["number", number(group.expected)],
      );
    }),
  );
}

function nameOf(group) {
  if (group.by !== "county") return group.name || texts.unnamed;
  const link = element("a", "", group.name || texts.unnamed);
  link.href = `/overview?${new URLSearchParams({ county: group.name })}`;
  return link;
}

function show(said) {
  told = said;
  at("told").hidden = false;
  tiles();
  states();
  groups();
  fill(
    at("not-live"),
    said.not_live.map((one) => tableRow(["name", one.channel], ["at", texts[`state_${one.state}`]], ["at", one.since_ms ? moment(one.since_ms) : texts.always])),
  );
  at("beyond").hidden = !said.not_live_beyond;
  at("beyond").textContent = say(texts.beyond, { n: number(said.not_live_beyond) });
}

at("by").addEventListener("change", () => told && groups());
chosenPeriod((query) => {
  for (const [id, file] of [["csv", "/coverage.csv"], ["csv-channels", "/coverage_channels.csv"]]) {
    if (at(id)) at(id).href = `${file}?${query}`;
  }
  shown(`/api/v1/coverage?${query}&limit=${LISTED}`, show);
});
