/**
 * What a person does to a partition: pause, resume, adopt, skip. Each locks the row, so that it
 * falls between two transactions of the writer, renews the epoch where the position moves, and
 * leaves an audit row with the reason.
 */

import { inArray } from "drizzle-orm";
import { audit, checkpoints } from "../../drizzle/schema.ts";
import type { Checkpoint, LogBounds, PartitionKey } from "../core/ports.ts";
import type { Stream } from "../stream/mod.ts";
import {
  asCheckpoint,
  type CheckpointRow,
  lockCheckpoint,
  nowUtc,
  sameKey,
} from "./checkpoints.ts";
import type { Database } from "./database.ts";
import { newEpoch } from "./migrate.ts";

export interface Act {
  who: string;
  reason: string;
}

type Change = Partial<Pick<Checkpoint, "state" | "epoch" | "next" | "topicId">> & {
  reason: string | null;
};

/** The partition stops after the batch in flight, until `resume`. */
export function pause(database: Database, key: PartitionKey, act: Act): Promise<Checkpoint> {
  return change(database, key, "pause", act, () => ({
    state: "pause",
    reason: `Paused by ${act.who}: ${act.reason}`,
  }));
}

/** Goes on where it stopped; for a halt whose cause has been removed. */
export function resume(database: Database, key: PartitionKey, act: Act): Promise<Checkpoint> {
  return change(database, key, "resume", act, () => ({ state: "run", reason: null }));
}

/**
 * Accepts the log as it is now. On the same topic the position stays where it lies in the log, and
 * is moved to the nearer end where it does not; another topic is read from its beginning.
 */
export function adopt(
  database: Database,
  key: PartitionKey,
  act: Act,
  bounds: LogBounds,
): Promise<Checkpoint> {
  const { topicId, low, high } = bounds;
  return change(database, key, "adopt", act, (row) => ({
    state: "run",
    reason: null,
    epoch: newEpoch(),
    topicId,
    next: topicId === row.topicId ? Math.min(Math.max(row.next, low), high) : low,
  }));
}

/** Goes on at `to`; what lies before it and was not loaded is left out on purpose. */
export function skip(
  database: Database,
  key: PartitionKey,
  act: Act,
  to: number,
  bounds: LogBounds,
): Promise<Checkpoint> {
  if (!Number.isSafeInteger(to) || to < bounds.low || to > bounds.high) {
    throw new RangeError(
      `Cannot skip ${key.stream} ${key.partition} to ${to}: the log holds ` +
        `[${bounds.low}, ${bounds.high})`,
    );
  }
  return change(database, key, "skip", act, (row) => {
    if (to < row.next) {
      throw new RangeError(
        `Cannot skip ${key.stream} ${key.partition} back to ${to}: it has loaded up to ${row.next}`,
      );
    }
    return { state: "run", reason: null, epoch: newEpoch(), next: to };
  });
}

async function change(
  database: Database,
  key: PartitionKey,
  action: string,
  act: Act,
  changeOf: (row: Checkpoint) => Change,
): Promise<Checkpoint> {
  return await database.transaction(async (tx) => {
    const locked = await lockCheckpoint(tx, key);
    if (locked === null) {
      throw new Error(
        `Cannot ${action} ${key.stream}/${key.sink} ${key.partition}: it has no checkpoint row; ` +
          "run `millrace migrate`",
      );
    }
    const before = asCheckpoint(locked);
    const after = { ...before, ...changeOf(before) };
    await tx.db.update(checkpoints).set({ ...after, updatedAt: nowUtc() }).where(sameKey(key));
    await tx.db.insert(audit).values({
      who: act.who,
      action,
      stream: key.stream,
      sink: key.sink,
      kafkaPartition: key.partition,
      reason: act.reason,
      before: JSON.stringify(before),
      after: JSON.stringify(after),
    });
    return after;
  });
}

/** Where every partition of the streams stands. */
export async function readStatus(database: Database, streams: Stream[]): Promise<CheckpointRow[]> {
  const names = streams.map((stream) => stream.name);
  return await database.transaction((tx) =>
    tx.db.select().from(checkpoints).where(inArray(checkpoints.stream, names))
      .orderBy(checkpoints.stream, checkpoints.sink, checkpoints.kafkaPartition)
  );
}
