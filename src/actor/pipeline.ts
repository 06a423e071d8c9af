/**
 * The actors of one pipeline in one process: one for each partition that the group assigns, and
 * the clocks they share. Rows are read every second, jobs asked after every two, the log's bounds
 * every thirty.
 */

import type { Limits } from "../core/partition.ts";
import type { Checkpoint, Checkpoints, Clock, Fetch, Flusher, Log } from "../core/ports.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Budget } from "./budget.ts";
import { Once } from "./once.ts";
import { PartitionActor, type Surroundings } from "./partition_actor.ts";

const READ_EVERY_MS = 1_000;
const ASK_EVERY_MS = 2_000;
const INSPECT_EVERY_MS = 30_000;
const COMMIT_EVERY_MS = 1_000;

export interface PipelineOptions {
  stream: string;
  sink: string;
  /** Names this process in job ids; random, so that no other ever has it. */
  owner: string;
  rowsMax: number;
  lingerMs: number;
  log: Log;
  flusher: Flusher;
  checkpoints: Checkpoints;
  clock: Clock;
  budget: Budget;
  logger: Logger;
  /** The log cannot go on: the process ends and is started again. */
  crash: (error: Error) => void;
}

export class Pipeline {
  readonly #actors = new Map<number, PartitionActor>();
  readonly #stopTimers: (() => void)[] = [];
  readonly #options: PipelineOptions;
  readonly #around: Surroundings;
  readonly #read: Once;
  readonly #inspect: Once;
  readonly #ask: Once;
  #incarnations = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#read = new Once(() => this.#readRows());
    this.#inspect = new Once(() => this.#inspectLog());
    this.#ask = new Once(() => this.#askJobs());
    this.#around = {
      ...options,
      limits: () => this.#limits(),
      readSoon: () => this.#read.soon(),
      inspectSoon: () => this.#inspect.soon(),
    };
    options.flusher.onAnswer((jobId, row) => {
      for (const actor of this.#actors.values()) actor.answered(jobId, row);
    });
  }

  async start(): Promise<void> {
    this.#every(READ_EVERY_MS, () => this.#read.soon());
    this.#every(ASK_EVERY_MS, () => this.#ask.soon());
    this.#every(INSPECT_EVERY_MS, () => this.#inspect.soon());
    this.#every(COMMIT_EVERY_MS, () => void this.#commit());
    await this.#options.log.start({
      assigned: (partitions) => this.#assigned(partitions),
      fetched: (partition, fetch) => this.#fetched(partition, fetch),
      crashed: this.#options.crash,
    });
  }

  /** Finishes what is in flight, up to the deadline; what is left stays in Kafka. */
  async stop(deadlineMs: number): Promise<void> {
    const drained = Promise.all([...this.#actors.values()].map((actor) => actor.drain()));
    await Promise.race([
      drained,
      new Promise<void>((resolve) => this.#options.clock.after(deadlineMs, resolve)),
    ]);
    for (const stopTimer of this.#stopTimers) stopTimer();
    await this.#commit();
    await this.#options.log.stop();
    for (const actor of this.#actors.values()) actor.drop();
    this.#actors.clear();
  }

  #assigned(partitions: number[]): void {
    const { stream, sink, logger } = this.#options;
    logger.info({ stream, sink, partitions }, "Partitions assigned");
    for (const [partition, actor] of this.#actors) {
      if (partitions.includes(partition)) continue;
      actor.drop();
      this.#actors.delete(partition);
    }
    for (const partition of partitions) {
      const kept = this.#actors.get(partition);
      if (kept) kept.reassigned();
      else {
        const owner = `${this.#options.owner}-${++this.#incarnations}`;
        const key = { stream, sink, partition };
        this.#actors.set(partition, new PartitionActor(key, owner, this.#around));
      }
    }
  }

  #fetched(partition: number, fetch: Fetch): void {
    this.#actors.get(partition)?.fetched(fetch);
  }

  #limits(): Limits {
    const { rowsMax, lingerMs, budget } = this.#options;
    return { rowsMax, lingerMs, bytesMax: budget.batchBytesMax(this.#actors.size) };
  }

  async #readRows(): Promise<void> {
    const { stream, sink, checkpoints } = this.#options;
    const asked = [...this.#actors].map(([partition, actor]) =>
      [partition, actor, actor.version] as const
    );
    if (asked.length === 0) return;
    const rows: Map<number, Checkpoint> = await checkpoints.read(stream, sink);
    for (const [partition, actor, version] of asked) {
      actor.rowRead(rows.get(partition) ?? null, version);
    }
    // Asked again each time until it was answered.
    if (asked.some(([, actor]) => actor.awaitsInspection)) this.#inspect.soon();
  }

  async #inspectLog(): Promise<void> {
    const before = [...this.#actors].map(([partition, actor]) =>
      [partition, actor, actor.position] as const
    );
    if (before.length === 0) return;
    const bounds = await this.#options.log.bounds();
    for (const [partition, actor, position] of before) {
      const seen = bounds.get(partition);
      if (seen) actor.inspected(seen, position);
    }
  }

  /** The watchdog asks, it does not guess. */
  async #askJobs(): Promise<void> {
    const asked = [...this.#actors.values()].flatMap((actor) => {
      const id = actor.jobInFlight;
      return id === null ? [] : [{ actor, id }];
    });
    if (asked.length === 0) return;
    const statuses = await this.#options.flusher.ask(
      asked.map(({ actor, id }) => ({ ...actor.key, id })),
    );
    for (const [i, { actor, id }] of asked.entries()) {
      const status = statuses[i]!;
      if (status.state === "answered") actor.answered(id, status.row);
      else if (status.state === "gone") actor.vanished(id);
    }
  }

  async #commit(): Promise<void> {
    for (const [partition, actor] of this.#actors) {
      const offset = actor.takeCommit();
      if (offset !== null) await this.#options.log.commit(partition, offset);
    }
  }

  #every(ms: number, call: () => void): void {
    const timer = setInterval(call, ms);
    this.#stopTimers.push(() => clearInterval(timer));
  }
}
