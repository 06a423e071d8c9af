/**
 * A job as BullMQ carries it: data, options and name. Each record is framed by itself; the payload
 * leaves the job once its transaction is committed.
 */

import type { BaseJobOptions } from "bullmq";
import type { Bytes, Checkpoint, Job, LogRecord, PartitionKey } from "../core/ports.ts";

type RecordWire = [
  offset: number,
  timestampMs: number,
  key: Bytes | null,
  id: string | null,
  headers: [string, Bytes][],
  value: Bytes | null,
];

export interface JobWire extends Omit<Job, "records" | "id"> {
  /** The channel on which the actor waits for the answer. */
  replyTo: string;
  /** Absent once the job is settled. */
  records?: RecordWire[];
}

/** An answer on an actor's channel. */
export interface AnswerWire {
  jobId: string;
  row: Checkpoint;
}

/** Attempts without end: only an answer, or a person, ends a job. */
const ATTEMPTS = 2 ** 31;
const SETTLED_KEPT = 200;
const ATTEMPT_ERRORS_KEPT = 20;

export const JOB_OPTIONS: BaseJobOptions = {
  attempts: ATTEMPTS,
  backoff: { type: "jitter" },
  removeOnComplete: { count: SETTLED_KEPT },
  removeOnFail: { count: SETTLED_KEPT },
  stackTraceLimit: ATTEMPT_ERRORS_KEPT,
};

const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 5_000;

/** Full jitter between 100 ms and a bound that doubles with each attempt up to 5 s. */
export function backoffMs(attemptsMade: number, random: () => number = Math.random): number {
  const bound = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attemptsMade, 10));
  return Math.round(BACKOFF_MS_MIN + random() * (bound - BACKOFF_MS_MIN));
}

/** What a person reads on the board. */
export function jobName(job: Job): string {
  const { stream, sink, partition, first, next, count, trigger } = job;
  return `${stream}/${sink} ${partition} [${first}, ${next}) ${count} records, ${trigger}`;
}

export function toWire({ id: _, records, ...job }: Job, replyTo: string): JobWire {
  return {
    ...job,
    replyTo,
    records: records.map((record) => [
      record.offset,
      record.timestampMs,
      record.key,
      record.id,
      record.headers,
      record.value,
    ]),
  };
}

/**
 * The job as it was sealed. Whatever a person made of its data on the board comes out as a job
 * that fails its checksum: which partition it is for, its queue says.
 */
export function fromWire(id: string, key: PartitionKey, data: Partial<JobWire> | null): Job {
  const { replyTo: _, records, ...job } = data ?? {};
  const framed = Array.isArray(records) && records.every(isRecordWire) ? records : [];
  return { ...job, ...key, id, records: framed.map(recordFromWire) } as Job;
}

function recordFromWire(
  [offset, timestampMs, key, id, headers, value]: RecordWire,
): LogRecord {
  return { offset, timestampMs, key, id, headers, value, bytes: 0 };
}

function isRecordWire(record: unknown): record is RecordWire {
  if (!Array.isArray(record) || record.length !== 6) return false;
  const [offset, timestampMs, key, id, headers, value] = record as unknown[];
  return Number.isSafeInteger(offset) && typeof timestampMs === "number" &&
    (key === null || isBytes(key)) && (id === null || typeof id === "string") &&
    Array.isArray(headers) && headers.every(isHeader) && (value === null || isBytes(value));
}

function isHeader(header: unknown): boolean {
  return Array.isArray(header) && typeof header[0] === "string" && isBytes(header[1]);
}

function isBytes(value: unknown): boolean {
  return typeof value === "string" ||
    (Array.isArray(value) && value.length === 1 && typeof value[0] === "string");
}
