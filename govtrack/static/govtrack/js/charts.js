// Bar charts. <canvas data-chart="ID"> is drawn from the JSON of <script type="application/json" id="ID">:
// {labels, datasets: [{label, data, unknown}], unit: "won" or a word, horizontal}. `unknown` has a place for each label:
// false where there is a figure, else the word for what it is instead ("not given"), or true. An unknown figure is drawn
// as a hatched stub with that word, never as a bar of length zero. The table beside the chart holds the same figures.
(function () {
  "use strict";

  const korean = document.documentElement.lang.startsWith("ko");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const words = korean ? { unknown: "알 수 없음", won: "원" } : { unknown: "unknown", won: "₩" };
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

  // The figure at the end of its bar, where one series leaves room for it.
  const figures = {
    id: "figures",
    afterDatasetsDraw(chart) {
      if (chart.data.datasets.length > 1) {
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
        const text = short(value, chart.options.unit);
        const width = ctx.measureText(text).width;
        ctx.fillStyle = token("--gt-text");
        if (horizontal) {
          const inside = bar.x + 6 + width > chartArea.right + 60;
          ctx.textBaseline = "middle";
          ctx.textAlign = inside ? "right" : "left";
          ctx.fillStyle = inside ? token("--gt-on-accent") : ctx.fillStyle;
          ctx.fillText(text, inside ? bar.x - 6 : bar.x + 6, bar.y);
        } else if (width < bar.width * 2.4) {
          ctx.textAlign = "center";
          ctx.fillText(text, bar.x, bar.y - 6);
        }
      });
      ctx.restore();
    },
  };

  // Draws the stub and the word of each unknown figure, on the axis itself.
  const unknowns = {
    id: "unknowns",
    afterDatasetsDraw(chart) {
      const { ctx, chartArea } = chart;
      const horizontal = chart.options.indexAxis === "y";
      chart.data.datasets.forEach((dataset, index) => {
        if (!dataset.unknown || !chart.isDatasetVisible(index)) {
          return;
        }
        chart.getDatasetMeta(index).data.forEach((bar, place) => {
          if (!dataset.unknown[place]) {
            return;
          }
          const word = wordFor(dataset, place);
          const thickness = Math.max(8, (horizontal ? bar.height : bar.width) || 12);
          ctx.save();
          ctx.fillStyle = hatch(token("--gt-text-quiet"), token("--gt-surface"));
          ctx.strokeStyle = token("--gt-text-quiet");
          ctx.font = "12px " + getComputedStyle(document.body).fontFamily;
          const length = 22;
          if (horizontal) {
            ctx.fillRect(chartArea.left, bar.y - thickness / 2, length, thickness);
            ctx.strokeRect(chartArea.left, bar.y - thickness / 2, length, thickness);
            ctx.fillStyle = token("--gt-text-quiet");
            ctx.textBaseline = "middle";
            ctx.fillText(word, chartArea.left + length + 6, bar.y);
          } else {
            ctx.fillRect(bar.x - thickness / 2, chartArea.bottom - length, thickness, length);
            ctx.strokeRect(bar.x - thickness / 2, chartArea.bottom - length, thickness, length);
            ctx.fillStyle = token("--gt-text-quiet");
            ctx.textAlign = "center";
            ctx.fillText(word, bar.x, chartArea.bottom - length - 6);
          }
          ctx.restore();
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
    const colors = ["--gt-chart-1", "--gt-chart-2", "--gt-chart-3", "--gt-chart-4"].map(token);
    const text = token("--gt-text");
    const grid = token("--gt-border");
    const values = {
      beginAtZero: true,
      grid: { color: grid },
      border: { color: grid },
      ticks: { color: text, callback: (value) => short(value, given.unit) },
    };
    const names = { grid: { display: false }, border: { color: grid }, ticks: { color: text, autoSkip: false } };
    const chart = new window.Chart(canvas, {
      type: "bar",
      data: {
        labels: given.labels,
        datasets: given.datasets.map((dataset, index) => ({
          label: dataset.label,
          data: dataset.data.map((value, place) => (dataset.unknown && dataset.unknown[place] ? null : value)),
          unknown: dataset.unknown,
          backgroundColor: colors[index % colors.length],
          borderRadius: 2,
          maxBarThickness: 28,
        })),
      },
      options: {
        indexAxis: given.horizontal ? "y" : "x",
        maintainAspectRatio: false,
        unit: given.unit,
        layout: { padding: given.horizontal ? { right: window.innerWidth < 480 ? 44 : 64 } : { top: 16 } },
        animation: still ? false : { duration: 300 },
        locale: korean ? "ko-KR" : "en",
        scales: given.horizontal ? { x: values, y: names } : { x: names, y: values },
        interaction: { mode: "index", axis: given.horizontal ? "y" : "x", intersect: false },
        plugins: {
          legend: { display: given.datasets.length > 1, labels: { color: text } },
          tooltip: {
            filter: () => true,
            callbacks: {
              label: (item) => item.dataset.label + ": " + exact(item.raw, given.unit),
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
    return given.datasets
      .filter((dataset) => dataset.unknown && dataset.unknown[place])
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
