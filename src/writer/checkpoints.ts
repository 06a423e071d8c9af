/** The checkpoint rows: read by actors, moved by the sink, and halted by either. */

import { and, eq } from "drizzle-orm";
import { checkpoints } from "../../drizzle/schema.ts";
import type { Checkpoint, Checkpoints, PartitionKey } from "../core/ports.ts";
import { asMillraceError } from "./classify.ts";
import type { Database, Transaction } from "./database.ts";

const REASON_LENGTH_MAX = 1_000;

/** How a job's records ended, added to the row's counters. */
export interface Counts {
  records: number;
  rows: number;
  repeated: number;
  ignored: number;
  dead: number;
}

export type CheckpointRow = typeof checkpoints.$inferSelect;

export class MariaDbCheckpoints implements Checkpoints {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async read(stream: string, sink: string): Promise<Map<number, Checkpoint>> {
    const rows = await this.#run((tx) =>
      tx.db.select().from(checkpoints)
        .where(and(eq(checkpoints.stream, stream), eq(checkpoints.sink, sink)))
    );
    return new Map(rows.map((row) => [row.kafkaPartition, asCheckpoint(row)]));
  }

  async halt(key: PartitionKey, epoch: string, reason: string): Promise<void> {
    await this.#run((tx) =>
      tx.db.update(checkpoints)
        .set({ state: "halt", reason: reason.slice(0, REASON_LENGTH_MAX) })
        .where(and(sameKey(key), eq(checkpoints.epoch, epoch), eq(checkpoints.state, "run")))
    );
  }

  async #run<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    try {
      return await this.#database.transaction(work);
    } catch (error) {
      throw asMillraceError(error);
    }
  }
}

/** Locks the row until the transaction ends. */
export async function lockCheckpoint(
  tx: Transaction,
  key: PartitionKey,
): Promise<CheckpointRow | null> {
  const [row] = await tx.db.select().from(checkpoints).where(sameKey(key)).for("update");
  return row ?? null;
}

/** Moves the locked row to `next`, and what was counted with it. */
export async function moveCheckpoint(
  tx: Transaction,
  locked: CheckpointRow,
  next: number,
  counts: Counts,
): Promise<void> {
  const [result] = await tx.db.update(checkpoints)
    .set({
      next,
      records: locked.records + counts.records,
      rows: locked.rows + counts.rows,
      repeated: locked.repeated + counts.repeated,
      ignored: locked.ignored + counts.ignored,
      dead: locked.dead + counts.dead,
      updatedAt: nowUtc(),
    })
    .where(and(
      sameKey(keyOf(locked)),
      eq(checkpoints.epoch, locked.epoch),
      eq(checkpoints.next, locked.next),
    ));
  // The row is locked, so this can only be a broken assumption of ours.
  if (result.affectedRows !== 1) {
    throw new Error(`Checkpoint ${locked.stream} ${locked.kafkaPartition} moved under its lock`);
  }
}

export function sameKey(key: PartitionKey) {
  return and(
    eq(checkpoints.stream, key.stream),
    eq(checkpoints.sink, key.sink),
    eq(checkpoints.kafkaPartition, key.partition),
  );
}

export function keyOf(row: CheckpointRow): PartitionKey {
  return { stream: row.stream, sink: row.sink, partition: row.kafkaPartition };
}

export function asCheckpoint(row: CheckpointRow): Checkpoint {
  const { epoch, next, state, reason, topicId } = row;
  return { epoch, next, state, reason, topicId };
}

/** Now, as `DATETIME(6)` in UTC. */
export function nowUtc(): string {
  return asUtc(Date.now());
}

export function asUtc(timestampMs: number): string {
  return new Date(timestampMs).toISOString().replace("T", " ").replace("Z", "000");
}
