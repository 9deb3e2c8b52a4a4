// The system page: is the gateway itself well.

import { at, say, texts } from "/static/shell.js";
import { again, fill, moment, number, shown, span, tableRow, tile } from "/static/look.js";
import { sinkRow } from "/static/sinks.js";

const EVERY_MS = 3000;
const SAME_S = 2;

function bytes(n) {
  if (n === null || n === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${number(value, value < 10 && unit ? 1 : 0)} ${units[unit]}`;
}

function coreTile(core) {
  if (core === null) return tile(texts.core, texts.core_gone);
  const state = core.blind ? `${texts.core_blind}: ${core.blind_reason}` : texts.core_ok;
  return tile(texts.core, state, say(texts.turn_age, { s: number(core.turn_age_s) }));
}

function diskTile(disk) {
  const left = disk.days_left === null ? texts.days_unknown : say(texts.days, { n: number(disk.days_left, disk.days_left < 10 ? 1 : 0) });
  const values = { used: bytes(disk.used), total: bytes(disk.total), pace: bytes(disk.bytes_a_day) };
  return tile(texts.disk_left, left, say(disk.bytes_a_day === null ? texts.disk_note_short : texts.disk_note, values));
}

function clockTile(said) {
  const off = (said.now_ms - Date.now()) / 1000;
  const note = Math.abs(off) <= SAME_S ? texts.clock_same : say(texts.clock_off, { s: number(off) });
  const line = said.core?.gateway_ns ? say(texts.line_note, { time: moment(said.core.gateway_ns / 1e6) }) : "";
  return tile(texts.clock_tile, moment(said.now_ms), note, line);
}

function tiles(said) {
  const { core } = said;
  const made = [coreTile(core)];
  if (core !== null) {
    made.push(
      tile(texts.lag, span(core.behind_s), core.intake_packets === undefined ? "" : say(texts.queue_note, { n: number(core.intake_packets) })),
      tile(texts.broker, core.link_up ? texts.broker_up : texts.broker_down, core.link_problem ?? ""),
      tile(texts.unknown_devices, number(core.devices_unknown), texts.unknown_note),
    );
  }
  made.push(diskTile(said.disk), clockTile(said), tile(texts.open_pages, number(said.streams)));
  if (core?.position !== undefined) made.push(tile(texts.version, String(core.version ?? ""), say(texts.position, { n: number(core.position), seq: number(core.ledger_seq) })));
  at("tiles").replaceChildren(...made);
}

/** Counters that are sums by reason have a line each; what never came is not listed. */
function counters(counts) {
  return Object.entries(counts).flatMap(([name, count]) => {
    const title = texts[`count_${name}`] ?? name.replaceAll("_", " ");
    if (typeof count === "number") return [tableRow(["name", title], ["number", number(count)])];
    return Object.entries(count).map(([reason, n]) => tableRow(["name", `${title}: ${texts[`turned_${reason}`] ?? reason.replaceAll("_", " ")}`], ["number", number(n)]));
  });
}

function show(said) {
  tiles(said);
  at("silent").hidden = said.delivery !== null;
  fill(at("sinks"), Object.entries(said.delivery?.sinks ?? {}).map(([name, sink]) => sinkRow(name, sink)));
  fill(at("counts-table"), counters(said.core?.counts ?? {}));
  fill(at("files"), Object.entries(said.disk.files).map(([name, size]) => tableRow(["name", texts[`file_${name}`] ?? name], ["number", bytes(size)])));
  at("segments-title").textContent = say(texts.segments, { n: number(said.segments.count) });
  fill(at("segments"), said.segments.newest.map((one) => tableRow(["name", one.name], ["number", bytes(one.bytes)], ["at", moment(one.changed_ms)])));
}

again(() => shown("/system/state", show), EVERY_MS);
