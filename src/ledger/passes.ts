/**
 * How a ledger is cut into passes: all events of a key in one pass, so that its order can be seen,
 * and no pass with more events than memory is meant for.
 */

import { hashOf, type LedgerHeader } from "./format.ts";
import { readLedger, Statuses } from "./reader.ts";

const EVENTS_MAX = 1_500_000;
const BUCKETS = 1_024;

export interface LedgerPlan {
  path: string;
  header: LedgerHeader;
  statuses: Statuses;
  events: number;
  /** Events that were sent once more. */
  again: number;
  passes: { events: number; holds(key: string): boolean }[];
}

export function planLedger(path: string, eventsMax = EVENTS_MAX): LedgerPlan {
  const counts = new Uint32Array(BUCKETS);
  const statuses = new Statuses();
  let events = 0;
  let again = 0;
  const header = readLedger(path, {
    event: ({ key }) => {
      events++;
      counts[bucketOf(key)]!++;
    },
    answer: (answer) => {
      statuses.add(answer);
      again += answer.again?.length ?? 0;
    },
  });
  const passOfBucket = new Uint16Array(BUCKETS);
  const sizes = [0];
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const count = counts[bucket]!;
    if (sizes.at(-1)! > 0 && sizes.at(-1)! + count > eventsMax) sizes.push(0);
    passOfBucket[bucket] = sizes.length - 1;
    sizes[sizes.length - 1]! += count;
  }
  const passes = sizes.map((size, pass) => ({
    events: size,
    holds: (key: string) => passOfBucket[bucketOf(key)] === pass,
  }));
  return { path, header, statuses, events, again, passes };
}

function bucketOf(key: string): number {
  return hashOf([key]) % BUCKETS;
}
