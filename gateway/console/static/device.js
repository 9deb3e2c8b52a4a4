// One device: last values, quality, age, what is missing, its clock and life, its alarms, a trend by channel.

import { ago, conditionName, inLanguage, mark, moment, number, pageOf, priorityOf, stateName } from "/static/lines.js";
import { Trend, spans } from "/static/plot.js";
import { ask, at, element, language, named, now, say, texts } from "/static/shell.js";

const EVERY_MS = 3000;
const RECORDS_MS = 60_000;
const DAY_MS = 86_400_000;
const device = at("one").dataset.device;
const query = `key=${encodeURIComponent(device)}`;
let told = null;
let records = { channels: [], skew_s: null };
let chosen = new URLSearchParams(location.search).get("channel");
let trend = null;

const title = (channel) => channel[`title_${language}`] || channel.title_en || channel.channel;

function lastText(channel) {
  const last = channel.last;
  if (!last || last.event_ms === null || last.value === null) return "–";
  const states = channel[`states_${language}`] ?? {};
  return states[String(last.value)] ?? `${number(last.value)} ${channel.unit ?? ""}`.trim();
}

function limitText(channel) {
  return (channel.limits ?? []).map((limit) => `${limit.condition} ${number(limit.setpoint)}`).join(" · ");
}

function channelRow(channel) {
  const row = element("tr", channel.channel === chosen ? "chosen" : "");
  const name = element("td");
  const pick = element("button", "channel", title(channel));
  pick.type = "button";
  name.append(pick, element("span", "note", channel.channel));
  for (const alarm of channel.alarms) {
    const open = told.alarms.find((one) => one.alarm === alarm);
    if (open) name.append(alarmLink(open, conditionName(open.condition)), " ");
  }
  const last = channel.last;
  const heard = Boolean(last && last.event_ms !== null);
  const quality = element("td");
  if (heard) quality.append(element("span", `quality ${last.quality}`, texts[last.quality]));
  const record = records.channels.find((one) => one.channel === channel.channel);
  const missing = record?.missing_percent ?? null;
  row.append(
    name,
    element("td", "number last", lastText(channel)),
    quality,
    element("td", "at", heard ? ago(last.event_ms) : texts.never),
    element("td", "", limitText(channel)),
    element("td", "number", missing === null ? "–" : `${number(Math.round(missing * 10) / 10)} %`),
  );
  row.addEventListener("click", () => choose(channel.channel));
  return row;
}

function alarmLink(row, text) {
  const link = element("a", `row-mark p${priorityOf(row)}`);
  link.href = pageOf(row);
  link.append(mark(priorityOf(row)), text);
  return link;
}

function choose(channel) {
  if (channel === chosen && trend !== null) return;
  chosen = channel;
  const said = new URLSearchParams(location.search);
  said.set("channel", channel);
  history.replaceState(null, "", `?${said}`);
  trend.whole?.();
  draw();
}

function fact(name, value) {
  return value === "" || value === null || value === undefined ? [] : [element("dt", "", name), element("dd", "", value)];
}

function life() {
  if (!told.expires) return texts.expires_unknown;
  const days = Math.floor((new Date(`${told.expires}T00:00:00`).getTime() - now()) / DAY_MS);
  const left = days >= 0 ? say(texts.days_left, { n: days }) : say(texts.expired_days, { n: -days });
  return `${told.expires} · ${left}`;
}

function clockText() {
  if (records.skew_s === null) return texts.clock_unknown;
  const ahead = records.skew_s < 0;
  return say(ahead ? texts.clock_ahead : texts.clock_behind, { s: number(Math.abs(records.skew_s)) });
}

function draw() {
  const titles = element("div", "titles");
  titles.append(
    element("h2", "", device.split("/").slice(2).join("/")),
    element("span", "note", [told.county, told.enterprise, told.site, told.asset].filter(Boolean).join(" / ")),
    element("span", "note", told[`title_${language}`] || told.title_en || told.profile),
  );
  const buttons = element("p", "buttons");
  const list = element("a", "do", texts.all_alarms);
  const [enterprise, site, ...rest] = device.split("/");
  list.href = `/?${new URLSearchParams({ enterprise, site, device: rest.join("/") })}`;
  buttons.append(list);
  at("head").replaceChildren(titles, buttons);
  at("not-in-fleet").hidden = told.in_fleet;
  at("core-no-values").hidden = told.core_answers;
  document.querySelector("#channels tbody").replaceChildren(...told.channels.map(channelRow));
  named(at("channels"));
  const channel = told.channels.find((one) => one.channel === chosen);
  at("trend-name").textContent = channel ? title(channel) : "";
  at("none-open").hidden = told.alarms.length > 0;
  document.querySelector("#open-alarms tbody").replaceChildren(
    ...told.alarms.map((row) => {
      const made = element("tr");
      const name = element("td");
      name.append(alarmLink(row, [row.channel, conditionName(row.condition)].filter(Boolean).join(" ")));
      made.append(name, element("td", "", stateName(row)), element("td", "long", inLanguage(row, "reason")));
      return made;
    }),
  );
  at("facts").replaceChildren(
    ...fact(texts.profile, told.profile),
    ...fact(texts.edition, told.edition),
    ...fact(texts.sector, told.sector),
    ...fact(texts.coordinates, told.location?.map((n) => n.toFixed(5)).join(", ")),
    ...fact(texts.period, told.period_s === null ? "" : say(texts.seconds, { n: number(told.period_s) })),
    ...fact(texts.silent_after, told.silent_after_s === null ? "" : say(texts.seconds, { n: number(told.silent_after_s) })),
    ...fact(texts.commissioned, told.commissioned),
    ...fact(texts.expires, life()),
    ...fact(texts.clock_of, clockText()),
  );
  document.querySelector("#history tbody").replaceChildren(
    ...told.history.map((one) => {
      const made = element("tr");
      const name = element("td");
      name.append(alarmLink(one, [one.channel, conditionName(one.condition)].filter(Boolean).join(" ")));
      made.append(
        element("td", "at", moment(one.at_ms)),
        name,
        element("td", "", texts[`${one.cause}_cause`] ?? texts[one.cause] ?? one.cause),
        element("td", "long", inLanguage(one, "reason")),
        element("td", "", one.actor),
      );
      return made;
    }),
  );
  named(at("history"));
}

async function look() {
  try {
    const answer = await ask(`/device/told?${query}`);
    if (answer === null) return;
    told = answer;
    if (!told.channels.some((one) => one.channel === chosen)) chosen = told.channels[0]?.channel ?? null;
    draw();
    if (trend === null && chosen !== null) {
      trend = new Trend((from, to) => `/device/trend?${query}&channel=${encodeURIComponent(chosen)}&from_ms=${from}&to_ms=${to}`);
      spans(trend, null, now, 120);
    }
  } catch {
    // the page's head tells that nothing is heard; the next look follows
  } finally {
    setTimeout(look, EVERY_MS);
  }
}

async function lookBack() {
  try {
    const answer = await ask(`/device/records?${query}`);
    if (answer !== null) {
      records = answer;
      if (told !== null) draw();
    }
  } catch {
    // what is missing is not told then; the table says so with a dash
  } finally {
    setTimeout(lookBack, RECORDS_MS);
  }
}

document.title = `${device} · ${texts.product}`;
look();
lookBack();
