// The overview: one level of the city, worst first; a name leads one level down.

import { at, element, named, say, texts } from "/static/shell.js";
import { again, bar, graded, moment, number, percent, shown, statesText } from "/static/look.js";

const EVERY_MS = 5000;
const LEVELS = ["county", "enterprise", "site"];
const here = new URLSearchParams(location.search);

function chosen() {
  const path = new URLSearchParams();
  for (const level of LEVELS) {
    if (!here.has(level)) break;
    path.set(level, here.get(level));
  }
  return path;
}

function link(path, text) {
  const made = element("a", "", text);
  const query = path.toString();
  made.href = query ? `/overview?${query}` : "/overview";
  return made;
}

function breadcrumbs() {
  const place = at("path");
  const path = new URLSearchParams();
  const steps = [link(path, texts.city)];
  for (const [level, name] of chosen()) {
    path.set(level, name);
    steps.push(link(path, name || `${texts[level]} ${texts.unnamed}`));
  }
  steps[steps.length - 1].setAttribute("aria-current", "location");
  place.replaceChildren(...steps.flatMap((step, n) => (n ? [element("span", "", "›"), step] : [step])));
  return steps.length;
}

function tile(title, ...content) {
  const made = element("div", "tile");
  made.append(element("span", "note", title), ...content);
  return made;
}

function total(sum) {
  const alarms = element("b", "big", number(sum.open.reduce((a, b) => a + b, 0)));
  const waiting = element("span", "note", `${number(sum.unanswered)} ${texts.unanswered_count}`);
  const covered = element("b", "big", percent(sum.coverage));
  const missing = element("span", "note", statesText(sum.states) || texts.coverage_hint);
  const grade = element("b", "big");
  grade.append(graded(sum.grade));
  at("sum").replaceChildren(
    tile(texts.grade, grade),
    tile(texts.open_alarms, alarms, waiting),
    tile(texts.coverage_now, covered, missing),
    tile(texts.devices, element("b", "big", number(sum.devices))),
  );
}

function cell(className, ...content) {
  const made = element("td", className);
  made.append(...content);
  return made;
}

function nameOf(line, below) {
  const made = element("td", "name");
  const name = line.name || texts.unnamed;
  if (below === "device") {
    const target = element("a", "", name);
    target.href = `/device?key=${encodeURIComponent(line.key)}`;
    made.append(target);
    const about = [line.asset, line.profile].filter(Boolean).join(" · ");
    const note = element("span", "note");
    // a profile's name is long: it breaks after / and _, not within a word
    for (const part of about.split(/(?<=[/_])/)) note.append(part, element("wbr"));
    if (about) made.append(note);
    return made;
  }
  const path = chosen();
  path.set(below, line.name);
  made.append(link(path, name));
  return made;
}

function row(line, below) {
  const made = element("tr", line.grade ? `p${line.grade}` : "calm");
  made.append(cell("grade", graded(line.grade)), nameOf(line, below));
  line.open.forEach((count, n) => made.append(cell(`count-of p${n + 1}${count ? " some" : ""}`, count ? number(count) : "·")));
  made.append(cell(`number${line.unanswered ? " some" : ""}`, line.unanswered ? number(line.unanswered) : "·"));
  const covered = cell("covered", line.expected ? bar(line.coverage) : element("span", "note", texts.no_channels));
  const missing = cell("states", statesText(line.states));
  if (line.quiet) missing.append(element("span", "note", say(texts.quiet_note, { n: line.quiet })));
  made.append(covered, missing, cell("number", number(line.devices)));
  return made;
}

function show(said) {
  total(said.total);
  at("blind").hidden = !said.blind;
  at("below").textContent = texts[said.below];
  const body = document.querySelector("#parts tbody");
  const focused = document.activeElement?.closest?.("#parts a")?.getAttribute("href");
  body.replaceChildren(...said.lines.map((line) => row(line, said.below)));
  named(at("parts"));
  if (focused) body.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  if (!said.lines.length) {
    const none = cell("note", texts.nothing_here);
    none.colSpan = 10;
    const only = element("tr");
    only.append(none);
    body.append(only);
  }
  at("of").hidden = said.of <= said.lines.length;
  at("of").textContent = say(texts.of_lines, { shown: said.lines.length, of: said.of });
  at("as-of").textContent = say(texts.as_of, { time: moment(said.at_ms) });
  const own = said.gateway?.reduce((a, b) => a + b, 0) ?? 0;
  at("gateway-alarms").hidden = own === 0;
  if (own) {
    const grade = said.gateway.findIndex((n) => n > 0) + 1;
    const to = element("a", "plain-link", `${texts.gateway_alarms}: ${own}`);
    to.href = "/";
    at("gateway-alarms").replaceChildren(graded(grade), " ", to);
  }
}

breadcrumbs();
const query = chosen();
again(() => shown(`/overview/parts?${query}`, show), EVERY_MS);
