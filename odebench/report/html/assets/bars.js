// A panel of bars from 0, each of parts laid end to end, with the interval of every part.
const BAND = 36;
const SHADES = [1, 0.6, 0.32, 0.16];
const COLOURS = 7;

// Of a part of a bar: of its backend in a shade of its own, or the part's own where the chart says so.
const partColour = (chart, part, backend) => (chart.byPart ? `var(--c${part % COLOURS})` : backend);
const partOpacity = (chart, part) => (chart.byPart ? 1 : SHADES[part] ?? 0.1);

function barsPanel(data, chart, panel, hidden, width) {
  const bars = panel.bars.filter((bar) => !hidden.has(bar.backend));
  if (!bars.length) return null;
  const parts = bars.flatMap((bar, place) => {
    let end = 0;
    return bar.parts.filter(([, value]) => value !== null).map(([name, value, low, high]) => {
      const start = end;
      end += value;
      return { place, bar, start, end, low: low === null ? null : start + low, high: high === null ? null : start + high, part: partNames(chart).indexOf(name) };
    });
  });
  if (!parts.length) return null;
  const most = Math.max(d3.max(parts, (part) => part.high ?? part.end), chart.limit ?? 0) || 1;
  const long = bars.length > 12;
  const x = axis([0, most], false, chart.x, width - 20);
  const whiskers = parts.filter((part) => part.low !== null && part.high !== null);
  const mark = { y: "place", insetTop: 17, insetBottom: 4 };
  const marks = [
    Plot.gridX({ ticks: x.ticks }),
    ...bars.map((bar, place) => Plot.barX(parts.filter((part) => part.place === place), {
      ...mark, x1: "start", x2: "end", className: `line-${place}`,
      fill: (part) => partColour(chart, part.part, colour(data.backends[bar.backend])),
      fillOpacity: (part) => partOpacity(chart, part.part),
      stroke: (part) => partColour(chart, part.part, colour(data.backends[bar.backend])), strokeWidth: 0.8,
    })),
    Plot.ruleY(whiskers, { x1: "low", x2: "high", y: "place", dy: 6.5, stroke: "var(--ink)", strokeWidth: 1.2, marker: "tick" }),
    Plot.text(bars, {
      x: 0, y: (_, i) => i, text: (bar) => data.words[bar.name], textAnchor: "start", dx: 1, dy: -9,
      fontSize: 10.5, fontFamily: "var(--mono)", lineWidth: (width - 40) / 11.5, textOverflow: "ellipsis-end",
    }),
  ];
  if (chart.limit !== null) {
    marks.push(Plot.ruleX([chart.limit], { stroke: "var(--ink)", strokeWidth: 1.4, strokeDasharray: "5 3" }));
    marks.push(Plot.text([chart.limit], { x: (v) => v, frameAnchor: "top", dy: long ? -26 : -8, text: (v) => `limit ${plainly(v)}`, fontSize: 10 }));
  }
  const svg = Plot.plot({
    width, height: bars.length * BAND + (long ? 82 : 66), marginLeft: 10, marginRight: 20, marginTop: long ? 40 : 24, marginBottom: 38, marks,
    x: { ...x, labelArrow: "none", axis: long ? "both" : "bottom" }, y: { type: "band", domain: d3.range(bars.length), axis: null, padding: 0 },
    ariaLabel: clamped(`${chart.title}: ${data.words[panel.title]}`),
  });
  const [px, py] = [svg.scale("x").apply, svg.scale("y").apply];
  answer(svg, bars.map((bar, place) => ({
    mark: `line-${place}`,
    points: [{ x: px(d3.max(parts.filter((p) => p.place === place), (p) => p.end) ?? 0), y: py(place) + 24, say: () => ({
      title: data.words[bar.name], pairs: about(data, bar.about, 0),
    }) }],
  })));
  return [svg];
}

// The names of a chart's parts, as places in the words.
function partNames(chart) {
  chart.parts ??= [...new Set(chart.panels.flatMap(({ bars }) => bars.flatMap((bar) => bar.parts.map(([name]) => name))))];
  return chart.parts;
}

function partsLegend(data, chart) {
  const list = element("ul");
  list.className = "parts";
  partNames(chart).forEach((name, i) => {
    const swatch = element("i");
    swatch.style.opacity = partOpacity(chart, i);
    swatch.style.background = partColour(chart, i, "");
    list.append(element("li", undefined, swatch, data.words[name]));
  });
  return list;
}
