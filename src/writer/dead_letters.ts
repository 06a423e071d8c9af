/**
 * Rejected records as rows, in the transaction of their neighbours. The same letter is kept once:
 * its fingerprint is made of its id and bytes, or of its position where it brought no id.
 */

import { createHash } from "node:crypto";
import { deadLetters } from "../../drizzle/schema.ts";
import type { RejectError } from "../core/errors.ts";
import type { Bytes, Job, LogRecord } from "../core/ports.ts";
import { BulkInsert, type RowText } from "./bulk.ts";
import { asUtc } from "./checkpoints.ts";
import type { Transaction } from "./database.ts";

export interface Reject {
  record: LogRecord;
  error: RejectError;
}

const MESSAGE_LENGTH_MAX = 1_000;
const KEEP_FIRST = " ON DUPLICATE KEY UPDATE `fingerprint`=`fingerprint`";

const insert = new BulkInsert(deadLetters);

/** Answers how many letters were new; the others are copies of kept ones. */
export async function storeDeadLetters(
  tx: Transaction,
  job: Job,
  topic: string,
  rejects: Reject[],
  statementBytesMax: number,
): Promise<number> {
  let stored = 0;
  let chunk: RowText[] = [];
  let bytes = 0;
  const flush = async () => {
    if (chunk.length > 0) stored += await tx.execute(insert.statement(chunk, KEEP_FIRST));
    chunk = [];
    bytes = 0;
  };
  for (const reject of rejects) {
    const row = insert.encode(letterOf(job, topic, reject));
    if (bytes + row.bytes + 1 > statementBytesMax - 4_096) await flush();
    chunk.push(row);
    bytes += row.bytes + 1;
  }
  await flush();
  return stored;
}

function letterOf(
  job: Job,
  topic: string,
  { record, error }: Reject,
): typeof deadLetters.$inferInsert {
  return {
    stream: job.stream,
    sink: job.sink,
    kafkaPartition: job.partition,
    topic,
    kafkaOffset: record.offset,
    kafkaTimestamp: asUtc(record.timestampMs),
    eventId: record.id?.slice(0, 255) ?? null,
    fingerprint: fingerprintOf(job, record),
    code: error.code,
    message: error.message.slice(0, MESSAGE_LENGTH_MAX),
    sqlState: error.detail.sqlState ?? null,
    errno: error.detail.errno ?? null,
    columnName: error.detail.column?.slice(0, 64) ?? null,
    key: asBuffer(record.key),
    headers: Buffer.from(JSON.stringify(record.headers)),
    payload: asBuffer(record.value),
  };
}

function fingerprintOf(job: Job, record: LogRecord): Buffer {
  const hash = createHash("sha256");
  if (record.id === null) hash.update(`position|${job.topicId}|${job.partition}|${record.offset}`);
  else hash.update(`id|${record.id.length}|${record.id}|`).update(asBuffer(record.value) ?? "");
  return hash.digest();
}

export function asBuffer(bytes: Bytes | null): Buffer | null {
  if (bytes === null) return null;
  return typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes[0], "base64");
}
