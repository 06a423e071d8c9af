/** Listens to a Log and keeps what it tells. */

import type { Fetch, Log, LogHandlers, LogRecord } from "../../src/core/ports.ts";
import { until } from "./installation.ts";

export interface Listener {
  fetches: { partition: number; fetch: Fetch }[];
  assignments: number[][];
  crashes: Error[];
  records(partition?: number): LogRecord[];
  /** Resolves once a fetch of the partition has told everything below `next`. */
  reached(next: number, partition?: number): Promise<void>;
}

const DEADLINE_MS = 20_000;

/** Starts the log; whatever is assigned is read from `from`. */
export async function listen(log: Log, from: number | null = 0): Promise<Listener> {
  const listener: Listener = {
    fetches: [],
    assignments: [],
    crashes: [],
    records: (partition = 0) =>
      listener.fetches.filter((one) => one.partition === partition)
        .flatMap(({ fetch }) => fetch.records),
    reached: (next, partition = 0) =>
      until(`offset ${next}`, DEADLINE_MS, () =>
        Promise.resolve(
          listener.fetches.some((one) => one.partition === partition && one.fetch.next >= next),
        )).then(() => {}),
  };
  const handlers: LogHandlers = {
    assigned: (partitions) => {
      listener.assignments.push(partitions);
      if (from !== null) { for (const partition of partitions) log.seek(partition, from); }
    },
    fetched: (partition, fetch) => void listener.fetches.push({ partition, fetch }),
    crashed: (error) => void listener.crashes.push(error),
  };
  await log.start(handlers);
  await until("an assignment", DEADLINE_MS, () => Promise.resolve(listener.assignments.length > 0));
  return listener;
}

/** The fetches of a partition from `from` on, as one chain; a gap or an overlap is an error. */
export function chain(listener: Listener, from: number, partition = 0): number {
  let position = from;
  for (const { partition: one, fetch } of listener.fetches) {
    if (one !== partition) continue;
    if (fetch.from !== position) throw new Error(`A fetch is from ${fetch.from}, not ${position}`);
    if (fetch.next <= fetch.from) throw new Error(`A fetch ends at ${fetch.next}, where it began`);
    const outside = fetch.records.find(({ offset }) => offset < fetch.from || offset >= fetch.next);
    if (outside) throw new Error(`Offset ${outside.offset} lies outside of its fetch`);
    position = fetch.next;
  }
  return position;
}
