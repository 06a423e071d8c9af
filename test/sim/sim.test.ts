/**
 * Seeded worlds with faults. `MILLRACE_SIM_SEEDS` says how many, `MILLRACE_SIM_SEED` runs one and
 * prints its whole story when it fails. The first failing seed ends the run.
 */

import process from "node:process";
import { expect, test } from "vitest";
import { keptSeeds } from "./kept_seeds.ts";
import { mishaps, strikes } from "./plan.ts";
import { explain, type Outcome, simulate } from "./simulate.ts";

const one = process.env.MILLRACE_SIM_SEED;
const count = Number(process.env.MILLRACE_SIM_SEEDS ?? 2_000);
const timeout = 60_000 * Math.max(1, count / 2_000);

if (one !== undefined) {
  test(`seed ${one} loads every record once, in order`, () => void run(Number(one), Infinity));
} else {
  test(`${count} seeds load every record once, in order`, { timeout }, runAll);
}

test("a seed tells the same story twice", () => {
  const story = () => simulate(7, { traced: true }).world.lines;
  expect(story()).toEqual(story());
});

function runAll(): void {
  const struck = new Map<string, number>();
  const seeds = Array.from({ length: count }, (_, i) => i + 1);
  for (const seed of new Set([...keptSeeds, ...seeds])) {
    for (const [name, times] of run(seed, 60).world.struck) {
      struck.set(name, (struck.get(name) ?? 0) + times);
    }
  }
  // A world without its faults proves nothing.
  if (count < 500) return;
  for (const name of [...strikes, ...mishaps]) {
    expect(struck.get(name), name).toBeGreaterThan(count / 10);
  }
}

function run(seed: number, linesMax: number): Outcome {
  const outcome = simulate(seed);
  if (outcome.failure !== null) throw new Error(explain(outcome, linesMax));
  return outcome;
}
