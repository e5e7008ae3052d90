// Evaluations per second of Millrace's JSONata beside npm's `jsonata`, on the same expressions and
// data, one after the other on one thread. Run at the top of the tree, after ./dev build:
//   npm ci && node bench/jsonata_peer.mjs [build/release/bench/core_bench]
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import jsonata from "jsonata";

const SECONDS = 0.5;
const { expressions, data } = JSON.parse(readFileSync("bench/jsonata_cases.json", "utf8"));

async function rateOf(text) {
  const expression = jsonata(text);
  const runFor = async (seconds) => {
    const start = process.hrtime.bigint();
    let count = 0;
    let elapsed = 0;
    while (elapsed < seconds) {
      for (let i = 0; i < 20; ++i) await expression.evaluate(data);
      count += 20;
      elapsed = Number(process.hrtime.bigint() - start) / 1e9;
    }
    return count / elapsed;
  };
  await runFor(SECONDS);  // until it is compiled
  return runFor(SECONDS);
}

const program = process.argv[2] ?? "build/release/bench/core_bench";
const report = JSON.parse(execFileSync(
  program, ["--benchmark_filter=BM_Jsonata/", "--benchmark_format=json"],
  { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
const ours = new Map(report.benchmarks.map(
  (benchmark) => [benchmark.name.replace("BM_Jsonata/", ""), benchmark.items_per_second]));

const column = (value) => Math.round(value).toLocaleString("en").padStart(12);
console.log("expression    millrace/s   jsonata/s   ratio");
for (const [name, text] of Object.entries(expressions)) {
  const theirs = await rateOf(text);
  const ratio = ours.get(name) / theirs;
  console.log(`${name.padEnd(11)}${column(ours.get(name))}${column(theirs)}${ratio.toFixed(1).padStart(8)}`);
}
