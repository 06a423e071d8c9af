/**
 * The flusher over BullMQ: a queue for each partition of a pipeline, with one job at work in it.
 * Answers come over one subscription a process; one that gets lost is found by asking.
 */

import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { Checkpoint, Flusher, Job, JobStatus, PartitionKey } from "../core/ports.ts";
import { queueName, queuePrefix } from "../stream/names.ts";
import type { Logger } from "../telemetry/log.ts";
import { openRedis, openWaitingRedis } from "./redis.ts";
import { type AnswerWire, JOB_OPTIONS, jobName, toWire } from "./wire.ts";

/** A delayed job this far past its time was forgotten by its workers. */
const OVERDUE_MS = 10_000;

/** Commands asked about one job, in this order: see `#statusOf`. */
const COMMANDS_A_JOB = 3;

export class BullFlusher implements Flusher {
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #queues = new Map<string, Queue>();
  readonly #prefix: string;
  readonly #channel: string;

  /** @param owner names this process; its answers come on a channel of that name. */
  constructor(options: { redisUrl: string; prefix: string; owner: string; log: Logger }) {
    this.#prefix = queuePrefix(options.prefix);
    this.#channel = `${this.#prefix}:answers:${options.owner}`;
    this.#redis = openRedis(options.redisUrl, options.log);
    this.#subscriber = openWaitingRedis(options.redisUrl, options.log);
    this.#subscriber.subscribe(this.#channel).catch(() => {});
  }

  async submit(job: Job): Promise<void> {
    const queue = this.#queueOf(job);
    // Set each time, since an emptied Redis has forgotten it; what waits is older than this job.
    await Promise.all([queue.setGlobalConcurrency(1), queue.drain(true)]);
    await queue.add(jobName(job), toWire(job, this.#channel), { ...JOB_OPTIONS, jobId: job.id });
  }

  async ask(jobs: (PartitionKey & { id: string })[]): Promise<JobStatus[]> {
    const pipeline = this.#redis.pipeline();
    for (const job of jobs) {
      const key = `${this.#prefix}:${queueName(job)}:`;
      pipeline.hmget(key + job.id, "finishedOn", "returnvalue");
      pipeline.exists(key + job.id);
      pipeline.zscore(`${key}delayed`, job.id);
    }
    const replies = await pipeline.exec() ?? [];
    return jobs.map((_, i) => {
      const parts = replies.slice(i * COMMANDS_A_JOB, (i + 1) * COMMANDS_A_JOB);
      for (const [error] of parts) if (error) throw error;
      return this.#statusOf(parts.map(([, reply]) => reply));
    });
  }

  onAnswer(listener: (jobId: string, row: Checkpoint) => void): void {
    this.#subscriber.on("message", (_channel: string, message: string) => {
      const { jobId, row } = JSON.parse(message) as AnswerWire;
      listener(jobId, row);
    });
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#queues.values()].map((queue) => queue.close()));
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }

  #statusOf([finished, exists, delayedScore]: unknown[]): JobStatus {
    const [finishedOn, returnValue] = finished as [string | null, string | null];
    if (exists !== 1) return { state: "gone" };
    if (finishedOn !== null) {
      const row = returnValue === null ? null : JSON.parse(returnValue) as Checkpoint | null;
      return row === null ? { state: "gone" } : { state: "answered", row };
    }
    // BullMQ keeps the due time in the upper bits of the score.
    const dueMs = delayedScore === null ? Infinity : Number(delayedScore) / 0x1000;
    return dueMs + OVERDUE_MS < Date.now() ? { state: "gone" } : { state: "waiting" };
  }

  #queueOf(key: PartitionKey): Queue {
    const name = queueName(key);
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new Queue(name, { connection: this.#redis, prefix: this.#prefix });
      // Told by the connection itself; without a listener it would end the process.
      queue.on("error", () => {});
      this.#queues.set(name, queue);
    }
    return queue;
  }
}
