// The map: devices by their coordinates; near ones are one mark. Drawn here, nothing is fetched from outside.

import { at, element, say, texts } from "/static/shell.js";
import { Labels } from "/static/labels.js";
import { mark, moment, number, shown, statesText, svg } from "/static/look.js";

const EVERY_MS = 5000;
const SETTLED_MS = 200;
const CELL_PX = 34;
const MAX_CELLS = 128;
const WORST = 30;
const NARROWEST = 0.0008;
const METRES = 111320;
/** Room that a degree's name takes at the edge. */
const NAME_PX = 60;
const FORMS = {
  0: "M0,-6a6,6 0 1 0 0.01,0z",
  1: "M-5,-12L5,-12L12,-5L12,5L5,12L-5,12L-12,5L-12,-5z",
  2: "M0,-13L13,11L-13,11z",
  3: "M0,-13L13,0L0,13L-13,0z",
  4: "M0,-11a11,11 0 1 0 0.01,0z",
};

const frame = at("frame");
const map = at("map");
const labels = new Labels();
let whole = null;
let view = fromHash();
let told = null;
let asking = null;
let settle = 0;
let moved = false;
/** Somebody chose what is in view; until then a window of another size shows all, too. */
let chosen = view !== null;

/** What the address says after "#": middle and width in degrees. */
function fromHash() {
  const [lon, lat, wide] = location.hash.slice(1).split(",").map(Number);
  return [lon, lat, wide].every(Number.isFinite) && wide > 0 ? { lon, lat, wide } : null;
}

const squeeze = () => Math.max(0.1, Math.cos((view.lat * Math.PI) / 180));
const size = () => ({ width: frame.clientWidth || 800, height: frame.clientHeight || 500 });
const perPixel = () => view.wide / size().width;

function toScreen(lon, lat) {
  const { width, height } = size();
  return [width / 2 + (lon - view.lon) / perPixel(), height / 2 - (lat - view.lat) / (perPixel() * squeeze())];
}

function box() {
  const { width, height } = size();
  const [half, tall] = [(width / 2) * perPixel(), (height / 2) * perPixel() * squeeze()];
  return { west: view.lon - half, south: Math.max(-90, view.lat - tall), east: view.lon + half, north: Math.min(90, view.lat + tall) };
}

function showAll() {
  if (!whole) return;
  const [west, south, east, north] = whole;
  const { width, height } = size();
  view = { lon: (west + east) / 2, lat: (south + north) / 2, wide: 1 };
  view.wide = Math.max(east - west, ((north - south) / squeeze()) * (width / height), NARROWEST);
}

function changed() {
  chosen = true;
  view.wide = Math.min(360, Math.max(NARROWEST, view.wide));
  view.lat = Math.min(89, Math.max(-89, view.lat));
  history.replaceState(null, "", `#${view.lon.toFixed(5)},${view.lat.toFixed(5)},${view.wide.toFixed(5)}`);
  draw();
  settled();
}

function settled() {
  clearTimeout(settle);
  settle = setTimeout(look, SETTLED_MS);
}

function zoom(factor, lon = view.lon, lat = view.lat) {
  view.lon = lon + (view.lon - lon) * factor;
  view.lat = lat + (view.lat - lat) * factor;
  view.wide *= factor;
  changed();
}

/** Where a mark leads: its device, its site; null where it only comes nearer. */
function target(spot) {
  if (spot.key) return `/device?key=${encodeURIComponent(spot.key)}`;
  if (!spot.site) return null;
  const [county, enterprise, site] = spot.site;
  return `/overview?${new URLSearchParams({ county, enterprise, site })}`;
}

function title(spot) {
  const open = spot.open
    .map((count, n) => (count ? `${count} ${texts[`priority_${n + 1}`]}` : ""))
    .filter(Boolean)
    .join(", ");
  const where = spot.site ? spot.site.filter(Boolean).join(" / ") : "";
  const many = spot.devices > 1 ? say(texts.many_devices, { n: spot.devices }) : "";
  return [spot.name, many, where, open || texts.no_open, statesText(spot.states)].filter(Boolean).join(" · ");
}

function form(spot) {
  const gap = !spot.grade && spot.expected > 0 && spot.live < spot.expected;
  const scale = spot.grade || spot.devices === 1 ? 1 : Math.min(2, 1.3 + Math.log10(spot.devices) / 3);
  return svg("path", { d: FORMS[spot.grade], class: `form${gap ? " gap" : ""}`, transform: `scale(${scale})` });
}

/** What a mark is called: its name, and how many devices it stands for if they are more than one. */
function nameOf(spot) {
  if (!spot.name) return spot.devices > 1 ? say(texts.many_devices, { n: number(spot.devices) }) : "";
  return spot.devices > 1 ? `${spot.name} (${number(spot.devices)})` : spot.name;
}

function spotOf(spot) {
  const [x, y] = toScreen(spot.lon, spot.lat);
  const leads = target(spot);
  const made = svg(leads ? "a" : "g", {
    class: `spot p${spot.grade}${spot.grade ? "" : " calm"}`,
    transform: `translate(${x.toFixed(1)},${y.toFixed(1)})`,
    tabindex: 0,
  });
  made.dataset.key = spot.key ?? "";
  if (leads) made.setAttribute("href", leads);
  else {
    made.setAttribute("role", "button");
    const nearer = () => zoom(0.35, spot.lon, spot.lat);
    made.addEventListener("click", () => moved || nearer());
    made.addEventListener("keydown", (event) => event.key === "Enter" && nearer());
  }
  made.addEventListener("click", (event) => moved && event.preventDefault());
  for (const begins of ["pointerenter", "focus"]) made.addEventListener(begins, () => labels.tell(x, y, nameOf(spot)));
  for (const ends of ["pointerleave", "blur"]) made.addEventListener(ends, () => labels.quiet());
  made.append(svg("title", {}, title(spot)), svg("circle", { class: "ring", r: 17 }), form(spot));
  const gap = !spot.grade && spot.live < spot.expected;
  const digit = spot.grade ? String(spot.grade) : spot.devices > 1 ? number(spot.devices) : "";
  if (digit) made.append(svg("text", { class: `digit${gap ? " on-gap" : ""}`, y: spot.grade === 2 ? 8 : 4.5 }, digit));
  return made;
}

/** A round step: 1, 2 or 5 times a power of ten. */
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((n) => n * power >= least);
}

function net() {
  const { width, height } = size();
  const { west, south, east, north } = box();
  const step = roundStep(perPixel() * 180);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const made = [];
  for (let lon = Math.ceil(west / step) * step; lon < east; lon += step) {
    const [x] = toScreen(lon, view.lat);
    made.push(svg("line", { class: "net", x1: x, x2: x, y1: 0, y2: height }));
    if (x < width - NAME_PX) made.push(svg("text", { class: "net-name", x: x + 3, y: height - 5 }, `${lon.toFixed(digits)}°`));
  }
  for (let lat = Math.ceil(south / step) * step; lat < north; lat += step) {
    const [, y] = toScreen(view.lon, lat);
    made.push(svg("line", { class: "net", x1: 0, x2: width, y1: y, y2: y }), svg("text", { class: "net-name", x: 4, y: y - 4 }, `${lat.toFixed(digits)}°`));
  }
  return made;
}

function scaleBar() {
  const { width, height } = size();
  const metre = 1 / (perPixel() * METRES * squeeze());
  const metres = roundStep(80 / metre);
  const long = metres * metre;
  const made = svg("g", { class: "scale", transform: `translate(${width - long - 16},${height - 22})` });
  made.append(svg("path", { d: `M0,-6V0H${long}V-6` }), svg("text", { x: 4, y: -5 }, metres < 1000 ? `${metres} m` : `${metres / 1000} km`));
  return made;
}

function draw() {
  if (!view) return;
  const { width, height } = size();
  map.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const marks = told ? told.marks : [];
  labels.quiet();
  const focused = document.activeElement?.closest?.("#map .spot")?.dataset.key;
  // worst last, so that nothing lies over it; the worst have the first choice of where their names stand
  const placed = marks.map((spot) => [...toScreen(spot.lon, spot.lat), nameOf(spot), spot.grade]);
  map.replaceChildren(...net(), ...[...marks].reverse().map(spotOf), ...labels.place(placed, width, height), scaleBar(), labels.told);
  if (focused) map.querySelector(`.spot[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function list() {
  const alarmed = told.marks.filter((spot) => spot.grade).slice(0, WORST);
  at("worst").replaceChildren(
    ...alarmed.map((spot) => {
      const line = element("li", `p${spot.grade}`);
      const link = element("a");
      link.href = target(spot) ?? `#${spot.lon},${spot.lat},${view.wide / 3}`;
      const about = element("span");
      const where = spot.site ? spot.site.filter(Boolean).join(" / ") : "";
      about.append(element("b", "", spot.name || say(texts.many_devices, { n: spot.devices })), element("span", "note", where));
      link.append(mark(spot.grade), about);
      line.append(link);
      return line;
    }),
  );
  at("calm-here").hidden = alarmed.length > 0;
}

function show(said) {
  told = said;
  whole = said.bounds;
  at("blind").hidden = !said.blind;
  at("no-places").hidden = whole !== null;
  const { devices, open } = said.placeless;
  at("placeless").hidden = devices === 0 || whole === null;
  const link = element("a", "plain-link", texts.placeless_link);
  link.href = "/overview";
  at("placeless").replaceChildren(`${say(texts.placeless, { n: number(devices), open: number(open) })} `, link);
  at("as-of").textContent = say(texts.as_of, { time: moment(said.at_ms) });
  if (!view && whole) {
    showAll();
    look();
    return;
  }
  draw();
  list();
}

async function look() {
  asking?.abort();
  asking = new AbortController();
  const { width, height } = size();
  const query = new URLSearchParams();
  if (view) {
    for (const [side, value] of Object.entries(box())) query.set(side, value.toFixed(6));
    query.set("across", String(Math.min(MAX_CELLS, Math.max(1, Math.round(width / CELL_PX)))));
    query.set("down", String(Math.min(MAX_CELLS, Math.max(1, Math.round(height / CELL_PX)))));
  }
  await shown(`/map/marks?${query}`, show, asking.signal);
}

function drag() {
  let from = null;
  frame.addEventListener("pointerdown", (event) => {
    if (!view || event.target.closest("button")) return;
    from = { x: event.clientX, y: event.clientY, lon: view.lon, lat: view.lat };
    moved = false;
  });
  frame.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [x, y] = [event.clientX - from.x, event.clientY - from.y];
    if (!moved && Math.hypot(x, y) < 5) return;
    moved = true;
    map.classList.add("moving");
    view.lon = from.lon - x * perPixel();
    view.lat = from.lat + y * perPixel() * squeeze();
    changed();
  });
  addEventListener("pointerup", () => {
    from = null;
    map.classList.remove("moving");
    setTimeout(() => (moved = false));
  });
}

function keys(event) {
  if (!view || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = view.wide / 8;
  const moves = {
    ArrowLeft: () => (view.lon -= step),
    ArrowRight: () => (view.lon += step),
    ArrowUp: () => (view.lat += step * squeeze()),
    ArrowDown: () => (view.lat -= step * squeeze()),
    "+": () => (view.wide *= 0.6),
    "=": () => (view.wide *= 0.6),
    "-": () => (view.wide /= 0.6),
    0: showAll,
  };
  if (!moves[event.key]) return;
  event.preventDefault();
  moves[event.key]();
  changed();
}

function legend() {
  const example = (grade, expected, live) => {
    const drawn = svg("svg", { viewBox: "-14 -14 28 28", class: `p${grade}`, "aria-hidden": "true" });
    drawn.append(form({ grade, devices: 1, expected, live }));
    return drawn;
  };
  const lines = [1, 2, 3, 4].map((grade) => [example(grade, 1, 1), texts[`priority_${grade}`]]);
  lines.push([example(0, 1, 1), texts.calm], [example(0, 2, 1), texts.gaps]);
  at("legend").replaceChildren(
    ...lines.map(([drawn, text]) => {
      const made = element("li");
      made.append(drawn, element("span", "", text));
      return made;
    }),
  );
}

at("in").addEventListener("click", () => view && zoom(0.6));
at("out").addEventListener("click", () => view && zoom(1 / 0.6));
at("whole").addEventListener("click", () => {
  showAll();
  if (!view) return;
  changed();
  chosen = false;
});
frame.addEventListener("keydown", keys);
frame.addEventListener("wheel", (event) => {
  if (!view) return;
  event.preventDefault();
  const { left, top } = frame.getBoundingClientRect();
  const { width, height } = size();
  const lon = view.lon + (event.clientX - left - width / 2) * perPixel();
  const lat = view.lat - (event.clientY - top - height / 2) * perPixel() * squeeze();
  zoom(event.deltaY < 0 ? 0.8 : 1.25, lon, lat);
});
addEventListener("resize", () => {
  if (!view) return;
  if (!chosen) showAll();
  draw();
  settled();
});
addEventListener("hashchange", () => {
  const wanted = fromHash();
  if (!wanted) return;
  view = wanted;
  changed();
});
drag();
legend();
const every = async () => {
  await look();
  setTimeout(every, EVERY_MS);
};
every();
