/** Jobs as a careless person on the board would leave them. */

import type { Checkpoint, Job, LogRecord } from "../../src/core/ports.ts";
import type { Random } from "./random.ts";

/** Changes a field and leaves the checksum, as someone on the board might. */
export function edit(job: Job, random: Random, row: Checkpoint, partitions: number): Job {
  const at = random.between(0, Math.max(0, job.records.length - 1));
  const change = (changed: Partial<LogRecord>) =>
    job.records.map((record, i) => i === at ? { ...record, ...changed } : record);
  const without = job.records.filter((_, i) => i !== at);
  const edited = random.pick<Partial<Job>>([
    { records: change({ value: `{"key":"edited","seq":${random.between(1, 9)},"text":""}` }) },
    { records: change({ key: "edited" }) },
    { records: without },
    { records: without, count: without.length },
    { records: [...job.records].reverse() },
    { count: job.count + 1 },
    { next: job.next + random.between(1, 9) },
    { next: Math.max(job.first + 1, job.next - 1) },
    { first: row.next },
    { epoch: row.epoch },
    { epoch: row.epoch, first: row.next, next: Math.max(row.next + 1, job.next) },
    { partition: random.between(0, partitions - 1), epoch: row.epoch },
    { version: job.version + 1 },
  ])!;
  return { ...job, ...edited };
}
