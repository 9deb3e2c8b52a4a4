// One row a sink, as the system page and the deliveries page show it.

import { element, receipt, texts } from "/static/shell.js";
import { number, span, tableRow } from "/static/look.js";

const BEHIND_S = 10;

function stateOf(sink) {
  if (sink.muted) return "sink_muted";
  if (sink.error) return "sink_failing";
  return sink.oldest_s > BEHIND_S ? "sink_behind" : "sink_ok";
}

/** state: shape and word; a failing sink stands out. */
function stateCell(sink) {
  const state = stateOf(sink);
  const made = element("span", `verdict ${state === "sink_failing" || state === "sink_behind" ? "missed" : "met"}`);
  const sign = element("span", "sign", { sink_ok: "✓", sink_muted: "–" }[state] ?? "✗");
  sign.setAttribute("aria-hidden", "true");
  made.append(sign, element("span", "", texts[state]));
  return made;
}

export function sinkRow(name, sink, link) {
  const title = element("span");
  title.append(link ?? element("b", "", name), element("span", "note", sink.kind));
  return tableRow(
    ["name", title],
    stateCell(sink),
    ["number", number(sink.delivered)],
    [`number${sink.pending ? " some" : ""}`, number(sink.pending)],
    ["number", sink.pending ? span(sink.oldest_s) : "·"],
    [`number${sink.dead ? " some" : ""}`, sink.dead ? number(sink.dead) : "·"],
    ["long", receipt(sink.error)],
  );
}
