/** Jobs as an actor would seal them. */

import { sealJob } from "../../src/core/job.ts";
import type { Bytes, Job, LogRecord } from "../../src/core/ports.ts";

export function record(offset: number, value: unknown, parts: Partial<LogRecord> = {}): LogRecord {
  return {
    offset,
    timestampMs: 1_790_000_000_000 + offset,
    key: null,
    id: null,
    headers: [],
    value: asBytes(value),
    bytes: 0,
    ...parts,
  };
}

/** Text and bytes travel as they are, everything else as JSON. */
function asBytes(value: unknown): Bytes | null {
  if (value === null || typeof value === "string") return value;
  if (value instanceof Uint8Array) return [Buffer.from(value).toString("base64")];
  return JSON.stringify(value);
}

export interface JobParts extends Partial<Job> {
  epoch: string;
  records: LogRecord[];
}

let jobs = 0;

export function job(parts: JobParts): Job {
  const first = parts.first ?? parts.records[0]?.offset ?? 0;
  const last = parts.records.at(-1)?.offset ?? first;
  return sealJob({
    stream: "telemetry",
    sink: "table",
    partition: 0,
    topicId: "topic-a",
    trigger: "rows",
    id: `job-${++jobs}`,
    first,
    next: last + 1,
    ...parts,
  });
}
