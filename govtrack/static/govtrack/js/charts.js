// Charts. <canvas data-chart="ID"> is drawn from the JSON of <script type="application/json" id="ID">:
// {labels, datasets: [{label, data, unknown, open}], unit: "won" or a word, horizontal, stacked, kind: "line", still}.
// `unknown` has a place for each label: false where there is a figure, else the word for what it is instead ("not given"),
// or true. An unknown figure is drawn as a hatched stub with that word, never as a bar of length zero; `open` is true where
// a figure is known only at least: its bar ends in a hatched stub, on the side on which more may follow. Bars below zero hang
// from it, and the stubs of what is unknown stand on it. `still`: drawn at once, for paper. The table beside the chart holds the
// same figures.
(function () {
  "use strict";

  const korean = document.documentElement.lang.startsWith("ko");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const words = korean ? { unknown: "알 수 없음", won: "원", least: "최소 " }
    : { unknown: "unknown", won: "₩", least: "at least " };
  const STUB = 22;
  const DASHES = [[], [6, 3], [2, 3], [10, 3, 2, 3], [4, 4], [1, 2], [12, 4]];
  const POINTS = ["circle", "rect", "triangle", "rectRot", "star", "crossRot", "cross"];
  const drawn = [];

  function token(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // Large won figures as a reader writes them: 68.7백만원 is not Korean usage, 6,870만원 is.
  function short(value, unit) {
    if (unit !== "won") {
      return value.toLocaleString(korean ? "ko-KR" : "en");
    }
    if (korean) {
      if (Math.abs(value) >= 1e8) {
        return (value / 1e8).toLocaleString("ko-KR", { maximumFractionDigits: 2 }) + "억 원";
      }
      return Math.abs(value) >= 1e4
        ? Math.round(value / 1e4).toLocaleString("ko-KR") + "만 원"
        : value.toLocaleString("ko-KR") + "원";
    }
    return Math.abs(value) >= 1e6
      ? "₩" + (value / 1e6).toLocaleString("en", { maximumFractionDigits: 1 }) + "M"
      : "₩" + value.toLocaleString("en");
  }

  function exact(value, unit) {
    const digits = value.toLocaleString(korean ? "ko-KR" : "en");
    if (unit === "won") {
      return korean ? digits + words.won : words.won + digits;
    }
    return unit ? digits + (korean ? "" : " ") + unit : digits;
  }

  function hatch(color, background) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.fillStyle = background;
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = color;
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const shift of [-8, 0, 8]) {
      pen.moveTo(shift, 8);
      pen.lineTo(shift + 8, 0);
    }
    pen.stroke();
    return pen.createPattern(tile, "repeat");
  }

  function wordFor(dataset, place) {
    return typeof dataset.unknown[place] === "string" ? dataset.unknown[place] : words.unknown;
  }

  // Where zero is along the axis of the figures: no edge of the chart when one of them is below it.
  function zero(chart) {
    return chart.scales[chart.options.indexAxis === "y" ? "x" : "y"].getPixelForValue(0);
  }

  // The figure at the end of its bar, or on the other side of zero, where one series leaves room for it.
  const figures = {
    id: "figures",
    afterDatasetsDraw(chart) {
      if (chart.data.datasets.length > 1 || chart.config.type === "line") {
        return;
      }
      const { ctx, chartArea } = chart;
      const horizontal = chart.options.indexAxis === "y";
      ctx.save();
      ctx.font = "12px " + getComputedStyle(document.body).fontFamily;
      chart.getDatasetMeta(0).data.forEach((bar, place) => {
        const value = chart.data.datasets[0].data[place];
        if (value === null || value === undefined) {
          return;
        }
        const open = isOpen(chart.data.datasets[0], place);
        const text = (open ? "≥ " : "") + short(value, chart.options.unit);
        const gap = open ? 6 + STUB / 2 : 6;
        const width = ctx.measureText(text).width;
        ctx.fillStyle = token("--gt-text");
        if (horizontal) {
          const end = Math.max(bar.x, zero(chart));
          const inside = end + gap + width > chartArea.right + 60 && end === bar.x;
          ctx.textBaseline = "middle";
          ctx.textAlign = inside ? "right" : "left";
          ctx.fillStyle = inside ? token("--gt-on-accent") : ctx.fillStyle;
          ctx.fillText(text, inside ? end - 6 : end + gap, bar.y);
        } else if (width < bar.width * 2.4) {
          ctx.textAlign = "center";
          ctx.fillText(text, bar.x, Math.min(bar.y, zero(chart)) - 6);
        }
      });
      ctx.restore();
    },
  };

  function isUnknown(dataset, place) {
    return Boolean(dataset.unknown && dataset.unknown[place]);
  }

  function isOpen(dataset, place) {
    return Boolean(dataset.open && dataset.open[place]);
  }

  function stub(ctx, left, top, width, height) {
    ctx.save();
    ctx.fillStyle = hatch(token("--gt-text-quiet"), token("--gt-surface"));
    ctx.strokeStyle = token("--gt-text-quiet");
    ctx.fillRect(left, top, width, height);
    ctx.strokeRect(left, top, width, height);
    ctx.restore();
  }

  function write(ctx, text, x, y, align) {
    ctx.save();
    ctx.font = "12px " + getComputedStyle(document.body).fontFamily;
    ctx.fillStyle = token("--gt-text-quiet");
    ctx.textAlign = align;
    ctx.textBaseline = align === "left" ? "middle" : "alphabetic";
    ctx.fillText(text, x, y);
    ctx.restore();
  }

  // Lines: a small stub on the axis for each point that is unknown, one above the other where several are.
  function lineStubs(chart) {
    const { ctx, chartArea, scales } = chart;
    const heights = {};
    const shown = chart.data.datasets.filter((dataset, index) => chart.isDatasetVisible(index));
    shown.forEach((dataset) => {
      (dataset.unknown || []).forEach((unknown, place) => {
        if (!unknown) {
          return;
        }
        const above = heights[place] || 0;
        const x = scales.x.getPixelForValue(place);
        stub(ctx, x - 6, chartArea.bottom - above - 10, 12, 10);
        ctx.fillStyle = dataset.borderColor;
        ctx.fillRect(x - 6, chartArea.bottom - above - 12, 12, 2);
        heights[place] = above + 13;
        if (shown.length === 1 && chart.data.labels.length <= 8) {
          write(ctx, wordFor(dataset, place), x, chartArea.bottom - above - 16, "center");
        }
      });
    });
  }

  // Stacks: one stub where the parts that are known end, for all parts that are not or only at least.
  function stackStubs(chart) {
    const { ctx } = chart;
    const horizontal = chart.options.indexAxis === "y";
    chart.data.labels.forEach((label, place) => {
      const parts = chart.data.datasets
        .map((dataset, index) => ({ dataset, bar: chart.getDatasetMeta(index).data[place], index }))
        .filter((part) => part.bar && chart.isDatasetVisible(part.index));
      const missing = parts.filter((part) => part.dataset.unknown && part.dataset.unknown[place]);
      const open = parts.filter((part) => isOpen(part.dataset, place));
      if (!missing.length && !open.length) {
        return;
      }
      const known = parts.filter((part) => part.dataset.data[place] !== null);
      const bar = parts[0].bar;
      const said = missing.length === 1 ? wordFor(missing[0].dataset, place) : missing.length + " " + words.unknown;
      const text = missing.length ? said : "≥";
      if (horizontal) {
        const end = Math.max(zero(chart), ...known.map((part) => part.bar.x));
        const thickness = Math.max(8, bar.height || 12);
        stub(ctx, end, bar.y - thickness / 2, STUB, thickness);
        write(ctx, text, end + STUB + 6, bar.y, "left");
      } else {
        const end = Math.min(zero(chart), ...known.map((part) => part.bar.y));
        const thickness = Math.max(8, bar.width || 12);
        stub(ctx, bar.x - thickness / 2, end - STUB, thickness, STUB);
        write(ctx, text, bar.x, end - STUB - 6, "center");
      }
    });
  }

  // Draws the stub and the word of each unknown figure, on the axis itself, and the stub after one known only at least.
  const unknowns = {
    id: "unknowns",
    afterDatasetsDraw(chart) {
      if (chart.config.type === "line") {
        lineStubs(chart);
        return;
      }
      if (chart.options.isStacked) {
        stackStubs(chart);
        return;
      }
      const { ctx } = chart;
      const horizontal = chart.options.indexAxis === "y";
      const axis = zero(chart);
      chart.data.datasets.forEach((dataset, index) => {
        if (!dataset.unknown || !chart.isDatasetVisible(index)) {
          return;
        }
        chart.getDatasetMeta(index).data.forEach((bar, place) => {
          const thickness = Math.max(8, (horizontal ? bar.height : bar.width) || 12);
          if (isOpen(dataset, place)) {
            if (horizontal) {
              stub(ctx, bar.x, bar.y - thickness / 2, STUB / 2, thickness);
            } else {
              stub(ctx, bar.x - thickness / 2, bar.y - STUB / 2, thickness, STUB / 2);
            }
          }
          if (!dataset.unknown[place]) {
            return;
          }
          if (horizontal) {
            stub(ctx, axis, bar.y - thickness / 2, STUB, thickness);
            write(ctx, wordFor(dataset, place), axis + STUB + 6, bar.y, "left");
          } else {
            stub(ctx, bar.x - thickness / 2, axis - STUB, thickness, STUB);
            write(ctx, wordFor(dataset, place), bar.x, axis - STUB - 6, "center");
          }
        });
      });
    },
  };

  function draw(canvas) {
    const source = document.getElementById(canvas.dataset.chart);
    if (!source || !window.Chart) {
      return;
    }
    const given = JSON.parse(source.textContent);
    const colors = [1, 2, 3, 4, 5, 6, 7].map((number) => token("--gt-chart-" + number));
    const line = given.kind === "line";
    const text = token("--gt-text");
    const grid = token("--gt-border");
    // Below zero the axis keeps room above it for the stubs and words that stand there.
    const lowest = Math.min(0, ...given.datasets.flatMap((dataset) => dataset.data));
    const values = {
      beginAtZero: true,
      stacked: Boolean(given.stacked),
      grid: { color: (line) => (lowest < 0 && line.tick && line.tick.value === 0 ? text : grid) },
      suggestedMax: -0.2 * lowest,
      border: { color: grid },
      // An axis along which nothing is known has no scale.
      ticks: { display: given.datasets.some((d) => d.data.some((v) => v !== null)), color: text, callback: (value) => short(value, given.unit) },
    };
    const names = {
      stacked: Boolean(given.stacked),
      grid: { display: false },
      border: { color: grid },
      ticks: { color: text, autoSkip: line },
    };
    const chart = new window.Chart(canvas, {
      type: line ? "line" : "bar",
      data: {
        labels: given.labels,
        datasets: given.datasets.map((dataset, index) => ({
          label: dataset.label,
          data: dataset.data.map((value, place) => (dataset.unknown && dataset.unknown[place] ? null : value)),
          unknown: dataset.unknown,
          open: dataset.open,
          backgroundColor: colors[index % colors.length],
          ...(line
            ? {
                borderColor: colors[index % colors.length],
                borderDash: DASHES[index % DASHES.length],
                borderWidth: 2,
                pointStyle: POINTS[index % POINTS.length],
                pointRadius: 4,
                spanGaps: false,
              }
            : { borderRadius: 2, maxBarThickness: 28 }),
        })),
      },
      options: {
        indexAxis: given.horizontal ? "y" : "x",
        maintainAspectRatio: false,
        unit: given.unit,
        isStacked: Boolean(given.stacked),
        layout: { padding: given.horizontal ? { right: window.innerWidth < 480 ? 44 : 64 } : { top: 16 } },
        animation: still || given.still ? false : { duration: 300 },
        locale: korean ? "ko-KR" : "en",
        scales: given.horizontal ? { x: values, y: names } : { x: names, y: values },
        interaction: { mode: "index", axis: given.horizontal ? "y" : "x", intersect: false },
        plugins: {
          legend: { display: given.datasets.length > 1, labels: { color: text, usePointStyle: line } },
          tooltip: {
            filter: (item) => item.raw !== null || isUnknown(item.dataset, item.dataIndex),
            callbacks: {
              label: (item) =>
                item.dataset.label +
                ": " +
                (item.raw === null
                  ? wordFor(item.dataset, item.dataIndex)
                  : (isOpen(item.dataset, item.dataIndex) ? words.least : "") + exact(item.raw, given.unit)),
              afterBody: (items) => missing(items, given),
            },
          },
        },
      },
      plugins: [figures, unknowns],
    });
    drawn.push(chart);
  }

  function missing(items, given) {
    const place = items.length ? items[0].dataIndex : -1;
    const said = items.map((item) => item.dataset.label);
    return given.datasets
      .filter((dataset) => isUnknown(dataset, place) && !said.includes(dataset.label))
      .map((dataset) => dataset.label + ": " + wordFor(dataset, place));
  }

  function drawAll() {
    drawn.splice(0).forEach((chart) => chart.destroy());
    if (window.Chart) {
      window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
      window.Chart.defaults.font.size = window.innerWidth < 480 ? 11 : 13;
    }
    document.querySelectorAll("canvas[data-chart]").forEach(draw);
  }

  // After the fonts, or the labels would be measured in the fallback font; again when the display mode changes.
  (document.fonts ? document.fonts.ready : Promise.resolve()).then(drawAll);
  document.documentElement.addEventListener("govtrack:display", drawAll);
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.querySelector && event.target.querySelector("canvas[data-chart]")) {
      drawAll();
    }
  });
})();
