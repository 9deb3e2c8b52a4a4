// Names beside the marks of the map: none over another, over a mark or beyond the edge. A name that has no room
// is told while its mark is pointed at or has the focus; nearer, it has room.

import { svg } from "/static/look.js";

const TALL = 15;
const MARK = 14;
const MOST = 24;
const EDGE = 4;
/** Where the buttons lie. */
const CORNER = [0, 0, 190, 56];

const short = (text) => (text.length > MOST ? `${text.slice(0, MOST - 1)}…` : text);

/** Whether two boxes [left, top, right, bottom] have a point in common. */
const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

export class Labels {
  constructor() {
    this.pen = document.createElement("canvas").getContext("2d");
    this.told = svg("text", { class: "label told" });
  }

  #wide(text) {
    this.pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    return this.pen.measureText(text).width + 4;
  }

  /** The names that have room. marks: [x, y, name, grade], those of most weight first. */
  place(marks, width, height) {
    const taken = [CORNER, ...marks.map(([x, y]) => [x - MARK, y - MARK, x + MARK, y + MARK])];
    const made = [];
    for (const [x, y, name, grade] of marks) {
      if (!name) continue;
      const text = short(name);
      const wide = this.#wide(text);
      const places = [
        [x - wide / 2, y + MARK + 1],
        [x - wide / 2, y - MARK - 1 - TALL],
        [x + MARK + 2, y - TALL / 2],
        [x - MARK - 2 - wide, y - TALL / 2],
      ];
      const free = places.find(([left, top]) => {
        const box = [left, top, left + wide, top + TALL];
        const inside = left >= EDGE && top >= EDGE && box[2] <= width - EDGE && box[3] <= height - EDGE;
        return inside && !taken.some((other) => meet(box, other));
      });
      if (!free) continue;
      taken.push([free[0], free[1], free[0] + wide, free[1] + TALL]);
      made.push(svg("text", { class: `label${grade ? "" : " calm"}`, x: (free[0] + wide / 2).toFixed(1), y: (free[1] + TALL - 4).toFixed(1) }, text));
    }
    return made;
  }

  /** The whole name of one mark, over everything else. */
  tell(x, y, text) {
    const { width } = this.told.ownerSVGElement?.viewBox.baseVal ?? { width: 0 };
    const half = this.#wide(text) / 2;
    this.told.setAttribute("x", String(Math.max(half + EDGE, Math.min(width - half - EDGE, x))));
    this.told.setAttribute("y", String(y + MARK + TALL - 3));
    this.told.textContent = text;
  }

  quiet() {
    this.told.textContent = "";
  }
}
