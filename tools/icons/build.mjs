// Collects the icons of names.txt into one sprite. Icons keep Lucide's drawing; colour and weight come from our CSS.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const aliases = { filter: "funnel", "circle-help": "circle-question-mark" }; // Lucide's newer names for the same drawings
const folder = new URL("node_modules/lucide-static/", import.meta.url);
const names = readFileSync(new URL("names.txt", import.meta.url), "utf8").split("\n").filter(Boolean);
const pathOf = (name) => new URL(`icons/${name}.svg`, folder);

const symbols = names.map((name) => {
  const file = [name, aliases[name]].filter(Boolean).map(pathOf).find(existsSync);
  if (!file) throw new Error(`Lucide has no icon named "${name}"`);
  const drawing = readFileSync(file, "utf8").replace(/^[\s\S]*?<svg[\s\S]*?>/, "").replace("</svg>", "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${drawing.replace(/\s*\n\s*/g, "")}</symbol>`;
});
const sprite = `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
const images = new URL("../../static/img/", import.meta.url);
writeFileSync(new URL("icons.svg", images), sprite);
writeFileSync(new URL("icons.LICENSE.txt", images), readFileSync(new URL("LICENSE", folder)));
console.log(`${names.length} icons, ${sprite.length} bytes`);
