/**
 * The workers of the flush queues: each takes the one job of its queue, has it settled and tells
 * the actor. BullMQ may run a job twice, late or out of order; the writer's rule makes that
 * harmless.
 */

import { type Job as BullJob, Worker } from "bullmq";
import pLimit from "p-limit";
import { TransientError } from "../core/errors.ts";
import type { Checkpoint, PartitionKey, Sink } from "../core/ports.ts";
import { queueName, queuePrefix } from "../stream/names.ts";
import type { Logger } from "../telemetry/log.ts";
import { openWaitingRedis } from "./redis.ts";
import { type AnswerWire, backoffMs, fromWire, type JobWire } from "./wire.ts";

/** Recovery after a kill takes up to the lock and one check (stack.md §3): here 12 s. */
const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 2_000;
/** A job may be taken over any number of times: with BullMQ's 1 the second kill would fail it. */
const STALLED_MAX = 1_000_000;

export interface FlushWorkersOptions {
  redisUrl: string;
  prefix: string;
  log: Logger;
  /** Transactions at a time in this process, shared by its queues. */
  concurrency: number;
  /** A broken assumption of ours: the process ends and is started again. */
  crash: (error: Error) => void;
}

export interface FlushWorkers {
  /** Finishes the jobs at work, up to the deadline; what is left others take over. */
  close(deadlineMs: number): Promise<void>;
}

export function startFlushWorkers(
  sinks: { key: PartitionKey; sink: Sink }[],
  options: FlushWorkersOptions,
): FlushWorkers {
  const { log, crash } = options;
  const prefix = queuePrefix(options.prefix);
  const redis = openWaitingRedis(options.redisUrl, log);
  const limit = pLimit(options.concurrency);

  const startWorker = ({ key, sink }: { key: PartitionKey; sink: Sink }): Worker => {
    const process = (job: BullJob<JobWire, Checkpoint>) =>
      limit(() => settle(job, key, sink, log, crash));
    const worker = new Worker<JobWire, Checkpoint>(queueName(key), process, {
      connection: redis,
      prefix,
      concurrency: 1,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: STALLED_MAX,
      settings: { backoffStrategy: (attemptsMade: number) => backoffMs(attemptsMade) },
    });
    worker.on("completed", (job, row) => {
      const answer: AnswerWire = { jobId: job.id!, row };
      // A lost answer is found by the actor's asking.
      redis.publish(job.data?.replyTo ?? "", JSON.stringify(answer)).catch(() => {});
    });
    // Told by the connection itself; without a listener it would end the process.
    worker.on("error", () => {});
    return worker;
  };
  const workers = sinks.map(startWorker);

  return {
    async close(deadlineMs) {
      const closed = Promise.allSettled(workers.map((worker) => worker.close()));
      let timer: ReturnType<typeof setTimeout> | undefined;
      const deadline = new Promise<void>((resolve) => timer = setTimeout(resolve, deadlineMs));
      await Promise.race([closed, deadline]);
      clearTimeout(timer);
      redis.disconnect();
    },
  };
}

async function settle(
  job: BullJob<JobWire, Checkpoint>,
  key: PartitionKey,
  sink: Sink,
  log: Logger,
  crash: (error: Error) => void,
): Promise<Checkpoint> {
  let row: Checkpoint;
  try {
    row = await sink.settle(fromWire(job.id!, key, job.data));
  } catch (error) {
    if (!(error instanceof TransientError)) {
      crash(error as Error);
      throw error;
    }
    log.warn({ job: job.name, attempt: job.attemptsMade + 1, reason: error.message }, "Retrying");
    // BullMQ keeps the stack of each attempt's error; the cause may hold a payload.
    throw new Error(error.message);
  }
  const { records: _, ...withoutPayload } = job.data ?? {};
  // Only for the history's size: where Redis fails here, the job is run again and does nothing.
  await job.updateData(withoutPayload as JobWire).catch(() => {});
  return row;
}
