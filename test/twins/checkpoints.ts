/**
 * The checkpoint rows, with the locks a transaction holds on them, and what a person's commands do
 * to them. Every move of a position takes a new epoch.
 */

import type { Checkpoint, Checkpoints, PartitionKey, RunState } from "../../src/core/ports.ts";

export interface Counters {
  records: number;
  rows: number;
  repeated: number;
  ignored: number;
  dead: number;
}

export interface CheckpointRow extends Checkpoint {
  counters: Counters;
}

export const noCounters: Counters = { records: 0, rows: 0, repeated: 0, ignored: 0, dead: 0 };

export class CheckpointsTwin implements Checkpoints {
  readonly rows = new Map<string, CheckpointRow>();
  readonly #locked = new Set<string>();

  read(stream: string, sink: string): Promise<Map<number, Checkpoint>> {
    const found = new Map<number, Checkpoint>();
    for (const [name, row] of this.rows) {
      const [rowStream, rowSink, partition] = name.split("/");
      if (rowStream === stream && rowSink === sink) found.set(Number(partition), plain(row));
    }
    return Promise.resolve(found);
  }

  halt(key: PartitionKey, epoch: string, reason: string): Promise<void> {
    const row = this.row(key);
    if (row && row.epoch === epoch && row.state === "run") this.setState(key, "halt", reason);
    return Promise.resolve();
  }

  row(key: PartitionKey): CheckpointRow | undefined {
    return this.rows.get(nameOf(key));
  }

  put(key: PartitionKey, row: Checkpoint, counters = noCounters): void {
    this.rows.set(nameOf(key), { ...row, counters });
  }

  remove(key: PartitionKey): void {
    this.rows.delete(nameOf(key));
  }

  setState(key: PartitionKey, state: RunState, reason: string | null): void {
    const row = this.rows.get(nameOf(key));
    if (row) this.rows.set(nameOf(key), { ...row, state, reason });
  }

  /** `SELECT … FOR UPDATE` without waiting: `false` when another transaction has the row. */
  lock(key: PartitionKey): boolean {
    if (this.#locked.has(nameOf(key))) return false;
    this.#locked.add(nameOf(key));
    return true;
  }

  unlock(key: PartitionKey): void {
    this.#locked.delete(nameOf(key));
  }
}

/** The row as ports show it. */
export function plain(row: Checkpoint): Checkpoint {
  const { epoch, next, state, reason, topicId } = row;
  return { epoch, next, state, reason, topicId };
}

function nameOf(key: PartitionKey): string {
  return `${key.stream}/${key.sink}/${key.partition}`;
}
