/**
 * What one seed's world is like: its sizes, and which faults it knows and how often. Most worlds
 * know only some of the faults, so that each is also met without the others' noise.
 */

import type { Limits } from "../../src/core/partition.ts";
import type { ConflictRule } from "../twins/sink.ts";
import { Random } from "./random.ts";

/** Faults that strike by themselves, about so many times in a world. */
export const strikes = [
  "crashActor",
  "crashWriter",
  "drainActor",
  "rebalance",
  "moveGroupOffset",
  "losePlace",
  "wipeQueues",
  "loseJob",
  "doubleJob",
  "replayJob",
  "editJob",
  "stallJob",
  "pause",
  "resume",
  "haltByWriter",
  "adopt",
  "skip",
  "replay",
  "truncate",
  "recreate",
] as const;
export type Strike = (typeof strikes)[number];

/** Faults that befall something else as it happens, with a probability. */
export const mishaps = [
  "loseAnswer",
  "doubleAnswer",
  "loseReply",
  "transient",
  "failRead",
  "failSubmit",
  "editSubmitted",
  "failAsk",
  "failHalt",
  "secondWriter",
] as const;
export type Mishap = (typeof mishaps)[number];

export interface Plan {
  partitions: number;
  actors: number;
  writers: number;
  limits: Limits;
  /** Of a process. */
  bytesInFlightMax: number;
  conflict: ConflictRule;
  /** When the faults stop. */
  calmAtMs: number;
  produceUntilMs: number;
  recordsPerPartition: number;
  holes: number;
  poison: number;
  duplicates: number;
  conflicts: number;
  /** How slow fetches, seeks, rows, jobs and answers may be. */
  slowMs: number;
  strikes: Map<Strike, number>;
  mishaps: Map<Mishap, number>;
}

export function planOf(seed: number): Plan {
  const random = new Random(seed);
  const calmAtMs = random.between(4_000, 16_000);
  const rate = (most: number) => random.chance(0.5) ? 0 : random.next() * most;
  return {
    partitions: random.between(1, 3),
    actors: random.between(1, 2),
    writers: random.between(1, 2),
    limits: {
      rowsMax: random.between(1, 12),
      bytesMax: random.between(40, 600),
      lingerMs: random.between(1, 400),
    },
    bytesInFlightMax: random.between(80, 3_000),
    conflict: random.pick(["ignore", "replace", "error"] as const)!,
    calmAtMs,
    produceUntilMs: random.between(1_000, calmAtMs + 2_000),
    recordsPerPartition: random.between(5, 80),
    holes: rate(0.5),
    poison: rate(0.2),
    duplicates: rate(0.3),
    conflicts: rate(0.2),
    slowMs: random.pick([3, 30, 150, 600])!,
    strikes: new Map(strikes.map((strike) => [
      strike,
      random.chance(0.6) ? 0 : random.between(1, 6),
    ])),
    mishaps: new Map(mishaps.map((mishap) => [mishap, rate(0.4)])),
  };
}
