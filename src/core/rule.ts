/**
 * The writer's rule: whether a job may move a checkpoint. It is asked between locking the row and
 * writing anything; whatever it does not allow writes nothing and answers where the row stands.
 */

import { isIntact } from "./job.ts";
import type { Checkpoint, Job } from "./ports.ts";

/**
 * Whether the job may be applied to the row as it stands, which the caller has locked. A caller
 * that has looked at the checksum already says what it saw.
 */
export function mayApply(row: Checkpoint, job: Job, intact: boolean = isIntact(job)): boolean {
  if (!intact) return false;
  if (row.state !== "run") return false;
  if (row.epoch !== job.epoch) return false;
  return row.next === job.first && job.next > job.first;
}
