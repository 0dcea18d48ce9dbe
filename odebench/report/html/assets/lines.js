// A panel of lines: one figure against another.
const DASHES = { solid: null, dashed: "6 3", dotted: "1.5 3" };
const NAMED = 16; // lines that are named below a panel
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

// A backend's second line of another name in a panel is paler and has the next marker, and so on.
function look(backend, variant) {
  const names = Object.keys(SHAPES);
  const name = names[(names.indexOf(backend[2]) + variant) % names.length];
  return { symbol: marker(name), opacity: [1, 0.65, 0.4][variant % 3] };
}

function icon(backend, variant = 0) {
  const { symbol, opacity } = look(backend, variant);
  const svg = d3.create("svg").attr("viewBox", "-7 -7 14 14").attr("aria-hidden", "true");
  svg.append("path").attr("d", d3.symbol(symbol, 70)()).attr("fill", colour(backend)).attr("opacity", opacity);
  return svg.node();
}

// For each name of a line, by how many others of its backend come before it.
function variants(lines) {
  const before = new Map();
  const found = new Map();
  for (const { backend, name } of lines) {
    if (found.has(name)) continue;
    found.set(name, before.get(backend) ?? 0);
    before.set(backend, found.get(name) + 1);
  }
  return found;
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

// Powers of ten; where there is hardly one, 1, 2 and 5 times them, or 1 and 3 over more than two decades, of which d3
// would leave the 5 without a word; where there is hardly one of these, round figures.
function logTicks(low, high, pixels) {
  const within = (ticks) => ticks.filter((v) => v >= low && v <= high);
  const exponents = d3.range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1);
  const powers = within(exponents.map((e) => 10 ** e));
  const every = Math.ceil(powers.length / (pixels / 30));
  if (powers.length > 2) return [powers.filter((_, i) => i % every === 0), (v) => power(Math.round(Math.log10(v)))];
  const times = high / low > 90 ? [1, 3] : [1, 2, 5];
  const some = within(exponents.flatMap((e) => times.map((m) => m * 10 ** e)));
  return [some.length > 2 ? some : apart(d3.ticks(low, high, 6), pixels / Math.log(high / low)), plainly];
}

// Ticks whose words do not touch, on an axis with so many pixels for a factor of e.
function apart(ticks, scale) {
  const kept = [];
  for (const v of ticks) if (!kept.length || Math.log(v / kept.at(-1)) * scale > 38) kept.push(v);
  return kept;
}

// A law as far as it is to be seen.
function guidePoints({ constant, factor, exponent, span }, x, y) {
  const [low, high] = span ?? x.domain;
  const at = (t) => (x.type === "log" ? low * (high / low) ** t : low + (high - low) * t);
  return d3.range(0, 1.001, 1 / 60).map(at).map((v) => ({ x: v, y: constant + factor * v ** exponent })).filter(
    (point) => point.y >= y.domain[0] && point.y <= y.domain[1],
  );
}

function linesPanel(data, chart, panel, hidden, width) {
  const height = 270;
  const variant = variants(panel.lines);
  const lines = panel.lines.filter((line) => line.x.length && !hidden.has(line.backend));
  if (!lines.length) return null;
  const x = axis(lines.flatMap((line) => line.x), chart.logX, chart.x, width - 60);
  const guides = panel.guides.filter((guide) => !hidden.has(guide.backend));
  const asked = guides.filter((guide) => guide.backend < 0).flatMap((guide) => x.domain.map((v) => guide.factor * v ** guide.exponent));
  const y = axis([...lines.flatMap((line) => line.y), ...asked], chart.logY, chart.y, height - 70);
  const marks = [Plot.gridX({ ticks: x.ticks }), Plot.gridY({ ticks: y.ticks })];
  for (const guide of guides) {
    const n = lines.findIndex((line) => line.name === guide.line);
    const points = guidePoints(guide, x, y);
    marks.push(Plot.line(points, { x: "x", y: "y", stroke: guideColour(data, guide), strokeWidth: 1.2, strokeDasharray: guideKind(guides, guide) === "dashed" ? "4 3" : "1.2 2.4", className: `line-${n}` }));
  }
  lines.forEach((line, n) => marks.push(...lineMarks(data.backends[line.backend], variant.get(line.name), line, chart.joined, `line-${n}`)));
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
  const below = [nameList(data, lines, variant), guideList(data, guides)];
  return [svg, ...below.filter((list) => list.childElementCount)];
}

function lineMarks(backend, variant, line, joined, className) {
  const { symbol, opacity } = look(backend, variant);
  const points = d3.range(line.x.length);
  const at = { x: line.x, y: line.y, opacity, className };
  const few = Math.max(1, Math.ceil(points.length / MARKED));
  const dots = Plot.dot(points, {
    ...at, filter: joined ? (i) => i % few === 0 : undefined, fill: colour(backend), r: 3.6,
    symbol, stroke: "var(--card)", strokeWidth: 0.7,
  });
  if (!joined) return [dots];
  return [Plot.line(points, { ...at, stroke: colour(backend), strokeWidth: 1.7, strokeDasharray: DASHES[backend[3]] }), dots];
}

const guideColour = (data, guide) => (guide.backend < 0 ? "var(--soft)" : colour(data.backends[guide.backend]));

// The names of the lines, where the legend's backends do not tell them all, and guides do not either.
function nameList(data, lines, variant) {
  const list = element("ul");
  list.className = "guides";
  const named = new Map(lines.map((line) => [line.name, line.backend]));
  if (named.size > NAMED || ![...named.keys()].some((name) => variant.get(name))) return list;
  for (const [name, backend] of named) {
    const entry = element("li", undefined, icon(data.backends[backend], variant.get(name)), clamped(data.words[name], 90));
    entry.title = data.words[name];
    list.append(entry);
  }
  return list;
}

// Of those that are nobody's the second is dotted: their colour tells them not apart.
const guideKind = (guides, guide) => (guide.backend < 0 && guides.indexOf(guide) % 2 ? "dotted" : "dashed");

// What the dashed lines say, below the drawing, where no two can cover each other.
function guideList(data, guides) {
  const list = element("ul");
  list.className = "guides";
  for (const guide of guides) {
    const swatch = element("i");
    swatch.style.setProperty("--c", guideColour(data, guide));
    swatch.style.setProperty("--kind", guideKind(guides, guide));
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
