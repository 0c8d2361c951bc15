// Builds static/vendor/plotly-shop-<version>.min.js and plotly-<version>.css, then notes their sums in README.md.
// plotly.js must be the version plotly.py speaks: python -c "from plotly.offline import get_plotlyjs_version as v; print(v())"
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const require = createRequire(import.meta.url);
const { environmentPlugin } = require("esbuild-plugin-environment");
const { glsl } = require("esbuild-plugin-glsl");
const inlineCss = require("esbuild-plugin-inline-css");

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const library = here("node_modules/plotly.js/");
const { version } = JSON.parse(readFileSync(`${library}package.json`, "utf8"));
const vendor = here("../../static/vendor/");
const script = `plotly-shop-${version}.min.js`;
const style = `plotly-${version}.css`;

// The core asks for the map library's styles, which are of no use without maps and 83 KB long.
const noMapStyles = {
  name: "no-map-styles",
  setup(bundler) {
    bundler.onResolve({ filter: /maplibre-gl.*\.css$/ }, () => ({ path: "none", namespace: "no-map-styles" }));
    bundler.onLoad({ filter: /.*/, namespace: "no-map-styles" }, () => ({ contents: "" }));
  },
};

await build({
  entryPoints: [here("entry.cjs")],
  outfile: vendor + script,
  format: "iife",
  globalName: "Plotly",
  bundle: true,
  minify: true,
  target: "es2022",
  legalComments: "none",
  banner: { js: `/* plotly.js ${version}, MIT licence, see plotly.LICENSE.txt; built by tools/plotly */` },
  plugins: [noMapStyles, inlineCss(), glsl({ minify: true }), environmentPlugin({ NODE_DEBUG: false })],
  alias: { stream: "stream-browserify" },
  define: { global: "window", "define.amd": "false" },
});

// The rules plotly would insert into the page one by one, which our content policy forbids.
const rules = /var rules = (\{[\s\S]*?\n\});?/.exec(readFileSync(`${library}build/plotcss.js`, "utf8"))[1];
const css = Object.entries(new Function(`return ${rules}`)())
  .map(([selector, text]) => {
    const full = selector.replace(/^,/, " ,").replace(/X/g, ".js-plotly-plot .plotly").replace(/Y/g, ".plotly-notifier");
    return `${full}{${text}}`;
  })
  .reverse() // plotly inserts each rule before the last one
  .join("\n");
writeFileSync(vendor + style, css + "\n");
writeFileSync(`${vendor}plotly.LICENSE.txt`, readFileSync(`${library}LICENSE`));

const sum = (name) => createHash("sha256").update(readFileSync(vendor + name)).digest("hex");
writeFileSync(
  `${vendor}README.md`,
  `# Files made elsewhere

Built by \`tools/plotly\` (\`npm ci && npm run build\`) from plotly.js ${version}; never edited by hand.
\`tests/lib/test_static.py\` checks these sums, and that the version is the one plotly.py speaks.

| File | sha256 |
|---|---|
| ${script} | ${sum(script)} |
| ${style} | ${sum(style)} |
`,
);
console.log(script, readFileSync(vendor + script).length, "bytes");
