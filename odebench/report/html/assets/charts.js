// All charts: drawn when they come into sight, and again when a backend is hidden or their room changes.
const PANELS_AT_FIRST = 6;

function drawCharts(data) {
  const hidden = new Set();
  const drawings = new Map(); // element → how to draw it at a width, and the width at which it was drawn
  const near = new Set();

  function draw(place) {
    const drawing = drawings.get(place);
    const width = Math.floor(place.clientWidth);
    if (!width || drawing.width === width) return;
    drawing.width = width;
    const empty = () => [Object.assign(element("p", "every backend of this panel is hidden"), { className: "empty" })];
    place.replaceChildren(...(drawing.at(width) ?? empty()));
  }

  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) isIntersecting ? near.add(target) : near.delete(target);
    near.forEach(draw);
  }, { rootMargin: "400px" });
  const room = new ResizeObserver((entries) => {
    for (const { target } of entries) if (near.has(target)) draw(target);
  });

  function again() {
    hideTip();
    for (const drawing of drawings.values()) drawing.width = 0;
    near.forEach(draw);
  }

  function addPanel(holder, chart, panel) {
    const place = element("div");
    place.className = "drawing";
    const title = element("figcaption", clamped(data.words[panel.title]));
    title.title = data.words[panel.title];
    const figure = element("figure", undefined, title, place);
    figure.className = "panel";
    holder.append(figure);
    const kind = panel.bars ? barsPanel : linesPanel;
    drawings.set(place, { at: (width) => kind(data, chart, panel, hidden, width), width: 0 });
    sight.observe(place);
    room.observe(place);
  }

  for (const section of document.querySelectorAll("[data-chart]")) {
    const chart = data.charts[section.dataset.chart];
    const holder = section.querySelector(".panels");
    const more = section.querySelector(".all-panels");
    if (chart.panels[0]?.bars && partNames(chart).length > 1) holder.before(partsLegend(data, chart));
    for (const panel of chart.panels.slice(0, PANELS_AT_FIRST)) addPanel(holder, chart, panel);
    const rest = () => {
      for (const panel of chart.panels.slice(holder.children.length)) addPanel(holder, chart, panel);
      more.hidden = true;
    };
    more.hidden = chart.panels.length <= PANELS_AT_FIRST;
    more.textContent = `show all ${chart.panels.length} panels`;
    more.addEventListener("click", rest);
    addEventListener("beforeprint", rest);
  }
  addEventListener("beforeprint", () => [...drawings.keys()].forEach(draw));
  addLegend(data, hidden, again);
}

// A button for each backend that is in a chart.
function addLegend(data, hidden, again) {
  const used = new Set(data.charts.flatMap((chart) => chart.panels.flatMap((panel) => (panel.lines ?? panel.bars).map((one) => one.backend))));
  const buttons = [...used].sort(d3.ascending).map((place) => {
    const [name] = data.backends[place];
    const button = element("button", undefined, icon(data.backends[place]), element("span", clamped(data.words[name])));
    button.type = "button";
    button.title = data.words[name];
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      hidden.has(place) ? hidden.delete(place) : hidden.add(place);
      button.setAttribute("aria-pressed", String(!hidden.has(place)));
      again();
    });
    return button;
  });
  document.getElementById("legend").append(...buttons);
}
