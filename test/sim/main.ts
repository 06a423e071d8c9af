/** Hunts: `deno run -A test/sim/main.ts <from> <count>` runs seeds and sums up what it met. */

import process from "node:process";
import { explain, simulate } from "./simulate.ts";

const from = Number(process.argv[2] ?? 1);
const count = Number(process.argv[3] ?? 2000);
const struck = new Map<string, number>();
const failures = new Map<string, number[]>();
const startMs = performance.now();
for (let seed = from; seed < from + count; seed++) {
  const outcome = simulate(seed);
  for (const [name, times] of outcome.world.struck) {
    struck.set(name, (struck.get(name) ?? 0) + times);
  }
  if (outcome.failure === null) continue;
  const kind = outcome.failure.replace(/\d+/g, "N").slice(0, 60);
  failures.set(kind, [...failures.get(kind) ?? [], seed]);
}
const ms = performance.now() - startMs;
console.log(Object.fromEntries(struck));
for (const [kind, seeds] of failures) {
  console.log(`${seeds.length} × ${kind}: ${seeds.slice(0, 8).join(" ")}`);
}
const failed = [...failures.values()].flat();
console.log(`${failed.length} of ${count} failed, ${(ms / count).toFixed(2)} ms a seed`);
if (process.argv[4] && failed[0]) {
  console.log(explain(simulate(failed[0]), Number(process.argv[4])));
}
