// A panel of lines: one figure against another.
const DASHES = { solid: null, dashed: "6 3", dotted: "1.5 3" };
const MARKED = 24; // marks on a line; the pointer and the keyboard reach every point
const triangle = "M0,-1.2L1.1,.8L-1.1,.8Z";
const cross = "M-.4,-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z";
const SHAPES = {
  circle: [d3.symbolCircle], square: [d3.symbolSquare], diamond: [d3.symbolDiamond2], star: [d3.symbolStar],
  "triangle-up": [triangle], "triangle-down": [triangle, 180], plus: [cross], cross: [cross, 45],
};

// A marker as d3 draws one; paths of about unit size are scaled to the area asked for.
function marker(name) {
  const [shape, angle = 0] = SHAPES[name] ?? SHAPES.circle;
  if (typeof shape !== "string") return shape;
  const [cos, sin] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  return {
    draw(context, size) {
      const r = Math.sqrt(size / 2.6);
      let [x, y] = [0, 0];
      for (const [, verb, first, second] of shape.matchAll(/([MLHVZ])([-.\d]*),?([-.\d]*)/g)) {
        if (verb === "Z") { context.closePath(); continue; }
        if (verb === "V") y = +first; else x = +first;
        if (verb === "M" || verb === "L") y = +second;
        context[verb === "M" ? "moveTo" : "lineTo"]((x * cos - y * sin) * r, (x * sin + y * cos) * r);
      }
    },
  };
}

const colour = (backend) => `var(--c${backend[1]})`;
const power = (exponent) => `10${[...String(exponent)].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("")}`;
const plainly = (value) => (value !== 0 && Math.abs(value) < 1e-3 ? d3.format(".2~e")(value) : d3.format(Math.abs(value) >= 1e5 ? ".3~s" : ",.4~r")(value));

function axis(values, log, label, pixels) {
  let [low, high] = d3.extent(values);
  if (!log) {
    const room = (high - low || Math.abs(high) || 1) * 0.05;
    const domain = [low >= 0 && low < 4 * room ? 0 : low - room, high + room];
    return { type: "linear", domain, label, labelAnchor: "center", ticks: pixels / 60, tickFormat: plainly };
  }
  const decades = Math.max(Math.log10(high / low), 0.3);
  [low, high] = [low / 10 ** (decades * 0.06), high * 10 ** (decades * 0.06)];
  const [ticks, tickFormat] = logTicks(low, high, pixels);
  return { type: "log", domain: [low, high], label, labelAnchor: "center", ticks, tickFormat };
}

// Powers of ten; where there is hardly one, 1, 2 and 5 times them; where there is hardly one of these, round figures.
function logTicks(low, high, pixels) {
  const within = (ticks) => ticks.filter((v) => v >= low && v <= high);
  const exponents = d3.range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1);
  const every = Math.ceil((exponents.length - 2) / (pixels / 45)) || 1;
  const powers = within(exponents.filter((e) => e % every === 0).map((e) => 10 ** e));
  if (powers.length > 2) return [powers, (v) => power(Math.round(Math.log10(v)))];
  const some = within(exponents.flatMap((e) => [1, 2, 5].map((m) => m * 10 ** e)));
  return [some.length > 2 ? some : apart(d3.ticks(low, high, 6), pixels / Math.log(high / low)), plainly];
}

// Ticks whose words do not touch, on an axis with so many pixels for a factor of e.
function apart(ticks, scale) {
  const kept = [];
  for (const v of ticks) if (!kept.length || Math.log(v / kept.at(-1)) * scale > 38) kept.push(v);
  return kept;
}

// A power law, or a straight line, as far as it is to be seen.
function guidePoints({ factor, exponent, span }, x, y) {
  const [low, high] = span ?? x.domain;
  const at = (t) => (x.type === "log" ? low * (high / low) ** t : low + (high - low) * t);
  return d3.range(0, 1.001, 1 / 60).map(at).map((v) => ({ x: v, y: factor * v ** exponent })).filter(
    (point) => point.y >= y.domain[0] && point.y <= y.domain[1],
  );
}

function linesPanel(data, chart, panel, hidden, width) {
  const height = 270;
  const lines = panel.lines.filter((line) => line.x.length && !hidden.has(line.backend));
  if (!lines.length) return null;
  const x = axis(lines.flatMap((line) => line.x), chart.logX, chart.x, width - 60);
  const y = axis(lines.flatMap((line) => line.y), chart.logY, chart.y, height - 70);
  const marks = [Plot.gridX({ ticks: x.ticks }), Plot.gridY({ ticks: y.ticks })];
  const guides = panel.guides.filter((guide) => !hidden.has(guide.backend));
  for (const guide of guides) {
    const n = lines.findIndex((line) => line.name === guide.line);
    const points = guidePoints(guide, x, y);
    marks.push(Plot.line(points, { x: "x", y: "y", stroke: guideColour(data, guide), strokeWidth: 1.2, strokeDasharray: "3 3", className: `line-${n}` }));
  }
  lines.forEach((line, n) => marks.push(...lineMarks(data.backends[line.backend], line, chart.joined, `line-${n}`)));
  const svg = Plot.plot({
    width, height, marginLeft: 52, marginBottom: 40, marginTop: 24, marginRight: 14, marks,
    x: { ...x, labelArrow: "none" }, y: { ...y, labelAnchor: "top", labelArrow: "none" },
    ariaLabel: clamped(`${chart.title}: ${data.words[panel.title]}`),
  });
  const [px, py] = [svg.scale("x").apply, svg.scale("y").apply];
  answer(svg, lines.map((line, n) => ({
    mark: `line-${n}`,
    points: line.x.map((value, i) => ({
      x: px(value), y: py(line.y[i]),
      say: () => ({ title: data.words[line.name], pairs: about(data, line.about, i) }),
    })),
  })));
  return guides.length ? [svg, guideList(data, guides)] : [svg];
}

function lineMarks(backend, line, joined, className) {
  const points = d3.range(line.x.length);
  const at = { x: line.x, y: line.y, className };
  const few = Math.max(1, Math.ceil(points.length / MARKED));
  const dots = Plot.dot(points, {
    ...at, filter: joined ? (i) => i % few === 0 : undefined, fill: colour(backend), r: 3.6,
    symbol: marker(backend[2]), stroke: "var(--card)", strokeWidth: 0.7,
  });
  if (!joined) return [dots];
  return [Plot.line(points, { ...at, stroke: colour(backend), strokeWidth: 1.7, strokeDasharray: DASHES[backend[3]] }), dots];
}

const guideColour = (data, guide) => (guide.backend < 0 ? "var(--soft)" : colour(data.backends[guide.backend]));

// What the dashed lines say, below the drawing, where no two can cover each other.
function guideList(data, guides) {
  const list = element("ul");
  list.className = "guides";
  for (const guide of guides) {
    const swatch = element("i");
    swatch.style.setProperty("--c", guideColour(data, guide));
    const entry = element("li", undefined, swatch, clamped(data.words[guide.label], 90));
    entry.title = data.words[guide.label];
    list.append(entry);
  }
  return list;
}

// What is said of a line's i-th point: as of a cell that other charts have too, or of this line alone.
function about(data, said, i) {
  const flat = Array.isArray(said) ? data.cells[said[i]] : said.all;
  const pairs = d3.range(0, flat.length, 2).map((k) => [data.words[flat[k]], data.words[flat[k + 1]]]);
  for (const [key, words] of Object.entries(said.each ?? {})) {
    if (words[i] >= 0) pairs.push([data.words[key], data.words[words[i]]]);
  }
  return pairs;
}
