// Only what the shop's pages draw: lines, dots and areas (scatter is in the core), bars, heat maps and flows.
const Plotly = require("plotly.js/lib/core");
Plotly.register([
  require("plotly.js/lib/bar"),
  require("plotly.js/lib/heatmap"),
  require("plotly.js/lib/sankey"),
  require("plotly.js/lib/locales/zh-cn"),
]);
module.exports = Plotly;
