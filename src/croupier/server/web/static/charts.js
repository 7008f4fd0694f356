// Draws the charts with uPlot over the server's drawings; what it shows is in the tables beside them too.
(() => {
  "use strict";
  const plots = new Map();
  let latest = null, busy = false;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const percent = (value, digits) => `${(100 * value).toFixed(digits)}\u202f%`;
  const clock = new Intl.DateTimeFormat(undefined, {hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"});

  const columns = (chart) => {
    const lines = [chart.canary.points, chart.baseline.points].map((points) => [points.map((p) => p[0]), points.map((p) => p[1])]);
    return window.uPlot.join(lines);
  };

  const range = (chart, values) => {
    if (chart.unit === "events") return [0, Math.max(4, ...values)];
    const low = Math.min(chart.objective ?? 1, ...values);
    return [Math.max(0, low - Math.max((1 - low) * 0.15, 0.002)), 1 + Math.max((1 - low) * 0.04, 0.0005)];
  };

  // Looks with none beside them: no line goes through those. Where only the other version was looked at is no gap.
  const alone = (u, index) => {
    const seen = [...u.data[index].keys()].filter((at) => u.data[index][at] !== undefined);
    const there = (at) => at !== undefined && u.data[index][at] !== null;
    return seen.filter((at, place) => there(at) && !there(seen[place - 1]) && !there(seen[place + 1]));
  };
  const dots = (name) => ({show: false, filter: alone, size: 7, fill: colour(name), width: 0});

  // Of one single moment uPlot would show the whole day that follows.
  const span = (u, low, high) => u.data[0].length > 1 ? [low, Math.max(high, low + 10)] : [u.data[0][0] - 5, u.data[0][0] + 5];

  const marks = (holder) => (u) => {
    const {ctx, bbox} = u;
    const {chart} = holder;
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.strokeStyle = colour("line-strong");
    ctx.fillStyle = colour("quiet");
    ctx.lineWidth = devicePixelRatio;
    const height = chart.unit === "events" ? 12 * devicePixelRatio : bbox.height - 5 * devicePixelRatio;
    let free = -Infinity;
    for (const [index, [at, weight]] of chart.marks.entries()) {
      if (chart.marks[index + 1]?.[0] <= u.scales.x.min || at > u.scales.x.max) continue;
      const x = Math.round(Math.max(bbox.left, u.valToPos(at, "x", true)));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const text = `${weight}\u202f%`;
      if (x > free) {
        ctx.fillText(text, x + 4 * devicePixelRatio, bbox.top + height);
        free = x + ctx.measureText(text).width + 8 * devicePixelRatio;
      }
    }
    if (chart.objective !== null && chart.unit === "share") {
      const y = Math.round(u.valToPos(chart.objective, "y", true));
      ctx.strokeStyle = colour("objective");
      ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.restore();
  };

  const tip = (holder) => (u) => {
    const {idx} = u.cursor;
    if (idx === null || idx === undefined) { holder.tip.hidden = true; return; }
    const digits = holder.chart.unit === "events" ? null : 2;
    const say = (value) => value === null || value === undefined ? "–" : digits === null ? String(value) : percent(value, digits);
    holder.tip.hidden = false;
    holder.tip.textContent = `${clock.format(new Date(1000 * u.data[0][idx]))}\ncanary ${say(u.data[1][idx])}\nbaseline ${say(u.data[2][idx])}`;
    const left = u.valToPos(u.data[0][idx], "x");
    const flip = left > u.over.clientWidth / 2;
    holder.tip.style.left = flip ? "auto" : `${left + 10}px`;
    holder.tip.style.right = flip ? `${u.over.clientWidth - left + 10}px` : "auto";
  };

  const build = (element, chart) => {
    const holder = {chart, tip: document.createElement("div")};
    holder.tip.className = "tip";
    holder.tip.hidden = true;
    const axis = {stroke: colour("quiet"), grid: {stroke: colour("line"), width: 1}, ticks: {show: false}, font: "11px system-ui, sans-serif"};
    const events = chart.unit === "events";
    const y_values = (u, splits) => {
      const digits = splits.length > 1 && splits[1] - splits[0] < 0.0099 ? 1 : 0;
      return splits.map((value) => events ? (Number.isInteger(value) ? String(value) : "") : value > 1 ? "" : percent(value, digits));
    };
    const options = {
      width: element.parentElement.clientWidth, height: 170, padding: [6, 26, 0, 0],
      legend: {show: false}, cursor: {y: false, drag: {x: false, y: false}, points: {size: 6}},
      scales: {x: {range: span}, y: {range: () => range(holder.chart, [...holder.data[1], ...holder.data[2]].filter((v) => v !== null && v !== undefined))}},
      axes: [{...axis, size: 28, space: 70, values: (u, splits) => splits.map((at) => clock.format(new Date(1000 * at)))}, {...axis, size: 54, space: 34, values: y_values}],
      series: [
        {},
        {stroke: colour("canary"), width: 2, points: dots("canary")},
        {stroke: colour("baseline"), width: 1.5, dash: [5, 3], points: dots("baseline")},
      ],
      hooks: {drawAxes: [marks(holder)], setCursor: [tip(holder)]},
    };
    holder.data = columns(chart);
    holder.plot = new window.uPlot(options, holder.data, element);
    holder.plot.over.append(holder.tip);
    plots.set(element, holder);
  };

  const draw = () => {
    if (!latest) return;
    for (const element of document.querySelectorAll(".plot[data-gate]")) {
      const chart = latest.gates[element.dataset.gate];
      if (!chart || !(chart.canary.points.length || chart.baseline.points.length)) continue;
      element.hidden = false;
      const holder = plots.get(element);
      if (!element.parentElement.clientWidth) continue; // folded away: drawn once somebody opens it
      if (!holder) { build(element, chart); continue; }
      holder.chart = chart;
      holder.data = columns(chart);
      holder.plot.setData(holder.data);
    }
    for (const [element, holder] of plots) {
      if (!element.isConnected) { holder.plot.destroy(); plots.delete(element); }
    }
  };

  // Only what is new is fetched; another attempt begins anew.
  const newest = () => Math.max(0, ...Object.values(latest?.gates ?? {}).flatMap((gate) => [gate.canary, gate.baseline]).map((line) => line.points.at(-1)?.[0] ?? 0));
  const add = (answer) => {
    if (answer.attempt !== latest?.attempt) { latest = answer; return; }
    for (const [name, gate] of Object.entries(answer.gates)) {
      for (const arm of ["canary", "baseline"]) gate[arm].points = [...latest.gates[name][arm].points, ...gate[arm].points].slice(-5000);
    }
    latest = answer;
  };

  const fetch_points = async () => {
    const address = document.getElementById("live")?.dataset.charts;
    if (!address || busy || !window.uPlot) return;
    busy = true;
    try {
      const answer = await fetch(`${address}?after=${newest()}`, {headers: {accept: "application/json"}});
      if (answer.ok) { add(await answer.json()); draw(); }
    } catch { /* the page says that the connection is lost; what was drawn stays */ } finally { busy = false; }
  };

  const rebuild = () => {
    for (const [, holder] of plots) holder.plot.destroy();
    for (const [element] of plots) element.replaceChildren();
    plots.clear();
    draw();
  };

  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", rebuild);
  let resizing = 0;
  window.addEventListener("resize", () => {
    window.clearTimeout(resizing);
    resizing = window.setTimeout(() => {
      for (const [element, holder] of plots) {
        const width = element.parentElement.clientWidth;
        if (width) holder.plot.setSize({width, height: 170});
      }
    }, 100);
  });
  document.addEventListener("toggle", (event) => { if (event.target.open && event.target.querySelector(".plot")) draw(); }, true);
  document.addEventListener("page:updated", fetch_points);
  fetch_points();
})();
