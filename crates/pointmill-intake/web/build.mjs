// Bundles the page into dist/: one script and one style sheet each for the intake's page and for the
// self-contained report. dist/ is not committed; `cargo xtask web` makes it before the binary is built.
import { build } from "esbuild";
import { copyFile, mkdir } from "node:fs/promises";

await mkdir("dist", { recursive: true });
await build({
  entryPoints: { app: "src/main.ts", report: "src/report.ts" },
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  outdir: "dist",
  legalComments: "inline",
  logLevel: "warning",
});
await copyFile("src/index.html", "dist/index.html");
