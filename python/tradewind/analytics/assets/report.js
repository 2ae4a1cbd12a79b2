"use strict";
// A cursor on time charts and sorting of tables; the page reads the same without it.
for (const svg of document.querySelectorAll("svg[data-plot]")) {
  const plot = JSON.parse(svg.dataset.plot), box = svg.viewBox.baseVal, holder = svg.parentElement;
  const cursor = svg.querySelector(".cursor"), tip = holder.appendChild(document.createElement("div"));
  tip.className = "tip";
  const nearest = (times, at) => {
    let low = 0, high = times.length - 1;
    while (high - low > 1) { const middle = (low + high) >> 1; if (times[middle] < at) low = middle; else high = middle; }
    return at - times[low] < times[high] - at ? low : high;
  };
  const hide = () => { cursor.style.visibility = tip.style.visibility = "hidden"; };
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", (event) => {
    const frame = svg.getBoundingClientRect(), scale = box.width / frame.width, x = (event.clientX - frame.left) * scale;
    if (x < plot.l || x > plot.r) return hide();
    const at = plot.t0 + (x - plot.l) / (plot.r - plot.l) * (plot.t1 - plot.t0);
    const first = plot.lines[0], snapped = first.t[nearest(first.t, at)];
    const place = plot.l + (snapped - plot.t0) / Math.max(plot.t1 - plot.t0, 1) * (plot.r - plot.l);
    const day = new Date(snapped * 1000).toISOString();
    tip.replaceChildren(Object.assign(document.createElement("b"), {textContent: (snapped % 86400 ? day.slice(0, 16).replace("T", " ") : day.slice(0, 10)) + " UTC"}));
    for (const line of plot.lines) {
      const row = tip.appendChild(document.createElement("div"));
      const value = line.v[nearest(line.t, snapped)];
      row.className = "key " + line.c;
      row.textContent = (plot.lines.length > 1 ? line.n + "  " : "") + value.toLocaleString("en-US", {minimumFractionDigits: Math.min(plot.d, 2), maximumFractionDigits: plot.d}) + plot.s;
    }
    cursor.setAttribute("x1", place); cursor.setAttribute("x2", place);
    cursor.style.visibility = tip.style.visibility = "visible";
    const left = place / scale;
    tip.style.left = (left + 14 + tip.offsetWidth > frame.width ? left - tip.offsetWidth - 14 : left + 14) + "px";
  });
}
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => head.addEventListener("click", () => {
    const way = head.dataset.way === "-1" ? 1 : -1;
    heads.forEach((other) => delete other.dataset.way);
    head.dataset.way = way;
    const key = (row) => { const cell = row.cells[column]; return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v); };
    const rows = [...body.rows].sort((a, b) => { const x = key(a), y = key(b); return (x < y ? -1 : x > y ? 1 : 0) * way; });
    body.append(...rows);
  }));
}
