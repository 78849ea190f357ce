/* The page's own few lines: number format of the charts, chart or table, and whether the server still answers. */
(() => {
  const numbers = new Intl.NumberFormat(document.documentElement.lang);
  const SILENCE_MS = 12000;
  let lastBeat = null;
  let heardAt = Date.now();

  window.dashMantineFunctions = { number: (value) => numbers.format(value) };
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.loginlake = {
    view: (value) => `card-body shows-${value === "table" ? "table" : "chart"}`,
    offline: (_tick, beat) => {
      if (beat !== lastBeat) {
        lastBeat = beat;
        heardAt = Date.now();
      }
      return Date.now() - heardAt < SILENCE_MS;
    },
  };
})();
