// charts.js: lines over time, in the page's colours.

/* global uPlot */

const charts = new Map();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const shortClock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

// From the first figure to now, within what the chart is for.
function span(chart) {
  const now = Date.now() / 1000;
  const known = now - (chart.data[0][0] ?? now);
  return [now - Math.min(Math.max(known, chart.seconds / 12), chart.seconds), now];
}

function make(place, chart) {
  const times = chart.seconds > 3600 ? shortClock : clock;
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const options = {
    width: place.clientWidth,
    height: place.clientHeight - 26,
    cursor: { y: false, points: { size: 6 } },
    legend: { live: true },
    scales: { x: { time: true, range: () => span(chart) }, y: { range: (_, low, high) => chart.range ?? [0, Math.max(high ?? 0, low ?? 0, chart.least) * 1.1] } },
    axes: [{ ...axis, size: 26, space: 90, values: (_, ticks) => ticks.map((tick) => times.format(tick * 1000)) }, { ...axis, size: 46, values: (_, ticks) => ticks.map((tick) => chart.tick(tick)) }],
    series: [
      { label: "", value: (_, at) => (at === null || at === undefined ? "now" : times.format(at * 1000)) },
      ...chart.lines.map((line, i) => ({
        label: line,
        stroke: colour(i === 0 ? "--first" : "--second"),
        width: 2,
        spanGaps: chart.spans ?? false,
        points: { show: chart.spans ?? false, size: 4 },
        value: (plot, figure, series, index) => {
          const shown = index === null || index === undefined ? plot.data[series].findLast((each) => each !== null) : figure;
          return shown === null || shown === undefined ? "–" : chart.tick(shown);
        },
      })),
    ],
  };
  place.replaceChildren();
  place.setAttribute("role", "img");
  chart.plot = new uPlot(options, chart.data, place);
}

// `lines` are their names; `seconds` is how far back it reaches; `range` fixes the scale, else it begins at 0 and reaches at least `least`.
export function addChart(place, { name, lines, tick, seconds, range = null, least = 1, spans = false }) {
  const chart = { place, name, lines, tick, seconds, range, least, spans, data: [[], ...lines.map(() => [])], plot: null };
  charts.set(place, chart);
  place.setAttribute("aria-label", `${name}: nothing yet`);
  return (data) => {
    chart.data = data;
    const last = data.slice(1).map((figures, i) => {
      const figure = figures.findLast((each) => each !== null);
      return `${lines[i]} ${figure === undefined ? "unknown" : tick(figure)}`;
    });
    place.setAttribute("aria-label", `${name}: ${last.join(", ")}`);
    place.dataset.points = String(data[0].length);
    if (chart.plot === null) {
      if (place.clientWidth > 0) make(place, chart);
    } else {
      chart.plot.setData(data);
    }
  };
}

function redraw() {
  for (const chart of charts.values()) {
    if (chart.plot === null) continue;
    chart.plot.destroy();
    make(chart.place, chart);
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("resize", () => {
  for (const { plot, place } of charts.values()) plot?.setSize({ width: place.clientWidth, height: place.clientHeight - 26 });
});
