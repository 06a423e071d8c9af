/**
 * One partition's actor: holds the state of the pure machine in `core/partition.ts`, feeds it what
 * happens, and does what it says. It lives as long as its assignment.
 */

import { sealJob } from "../core/job.ts";
import {
  awaitsInspection,
  bytesHeld,
  type Effect,
  type Limits,
  loadedUpTo,
  type PartitionEvent,
  type PartitionState,
  startPartition,
  step,
} from "../core/partition.ts";
import type {
  Checkpoint,
  Checkpoints,
  Clock,
  Fetch,
  Flusher,
  Log,
  LogBounds,
  PartitionKey,
} from "../core/ports.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Budget } from "./budget.ts";

/** What a partition's actor shares with the others of its pipeline. */
export interface Surroundings {
  log: Log;
  flusher: Flusher;
  checkpoints: Checkpoints;
  clock: Clock;
  budget: Budget;
  logger: Logger;
  limits: () => Limits;
  /** Reads the pipeline's rows soon and delivers them to the actors. */
  readSoon: () => void;
  inspectSoon: () => void;
}

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;

export class PartitionActor {
  #state: PartitionState;
  #held = 0;
  #submitted: string | null = null;
  #halting = false;
  #cancelLinger: () => void = () => {};
  #commit: number | null = null;
  #whenDrained: () => void = () => {};
  #dropped = false;

  readonly key: PartitionKey;
  readonly #around: Surroundings;

  constructor(key: PartitionKey, owner: string, around: Surroundings) {
    this.key = key;
    this.#around = around;
    const [state, effects] = startPartition(owner);
    this.#state = state;
    this.#perform(effects);
  }

  /** Dates a reading of the row: see `PartitionState.version`. */
  get version(): number {
    return this.#state.version;
  }

  /** The job in flight, once the flusher has it. */
  get jobInFlight(): string | null {
    const jobId = this.#state.inFlight?.jobId ?? null;
    return jobId === this.#submitted ? jobId : null;
  }

  /** What the log's bounds will be compared with. */
  get position(): { epoch: string; loaded: number } {
    return { epoch: this.#state.epoch, loaded: loadedUpTo(this.#state) };
  }

  /** Nothing is read before the log's bounds are known. */
  get awaitsInspection(): boolean {
    return awaitsInspection(this.#state);
  }

  rowRead(row: Checkpoint | null, version: number): void {
    if (!this.#halting) this.#send({ type: "checkpoint", row, version });
  }

  /** Takes a fetch, or refuses it while the process holds too much and this partition has work. */
  fetched(fetch: Fetch): void {
    let bytes = 0;
    for (const record of fetch.records) bytes += record.bytes;
    const refused = this.#held > 0 && !this.#around.budget.hasRoomFor(bytes);
    this.#send(refused ? { type: "refused" } : { type: "fetched", fetch });
  }

  answered(jobId: string, row: Checkpoint): void {
    this.#send({ type: "answered", jobId, row });
  }

  vanished(jobId: string): void {
    this.#around.logger.warn({ ...this.key, job: jobId }, "A flush job is gone; reading again");
    this.#send({ type: "vanished", jobId });
  }

  inspected(bounds: LogBounds, before: { epoch: string; loaded: number }): void {
    this.#send({ type: "inspected", bounds, ...before });
  }

  reassigned(): void {
    this.#send({ type: "reassigned" });
  }

  /** Finishes what is in flight and open; accepts no more. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenDrained = resolve;
      this.#send({ type: "drain" });
      if (this.#state.phase === "drained") resolve();
    });
  }

  /** Lets go of everything at once: the partition is someone else's. */
  drop(): void {
    this.#dropped = true;
    this.#cancelLinger();
    this.#around.budget.held -= this.#held;
    this.#held = 0;
  }

  /** The offset to tell the group, once. */
  takeCommit(): number | null {
    const offset = this.#commit;
    this.#commit = null;
    return offset;
  }

  #send(event: PartitionEvent): void {
    if (this.#dropped) return;
    const before = this.#state.phase;
    const [state, effects] = step(this.#state, event, this.#around.limits());
    this.#state = state;
    const held = bytesHeld(state);
    this.#around.budget.held += held - this.#held;
    this.#held = held;
    if (before !== state.phase) this.#tellPhase(event, before);
    this.#perform(effects);
  }

  #perform(effects: Effect[]): void {
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: Effect): void {
    const { log, clock, readSoon, inspectSoon } = this.#around;
    const { partition } = this.key;
    switch (effect.type) {
      case "read":
        return readSoon();
      case "seek":
        return log.seek(partition, effect.offset);
      case "pause":
        return log.pause(partition);
      case "resume":
        return log.resume(partition);
      case "linger":
        this.#cancelLinger();
        this.#cancelLinger = clock.after(
          effect.ms,
          () => this.#send({ type: "lingered", first: effect.first }),
        );
        return;
      case "flush":
        return this.#flush(effect);
      case "commit":
        this.#commit = effect.offset;
        return;
      case "inspect":
        return inspectSoon();
      case "halt":
        return this.#halt(effect.epoch, effect.reason);
      case "drained":
        return this.#whenDrained();
    }
  }

  #flush(effect: Effect & { type: "flush" }): void {
    const { jobId, epoch, topicId, batch, trigger } = effect;
    const { first, next, records } = batch;
    const job = sealJob({ ...this.key, id: jobId, epoch, topicId, first, next, records, trigger });
    this.#untilDone(
      () => this.#state.inFlight?.jobId === jobId,
      () => this.#around.flusher.submit(job),
      () => this.#submitted = jobId,
    );
  }

  /** Until the row has it, readings of the row would start the partition again. */
  #halt(epoch: string, reason: string): void {
    this.#halting = true;
    this.#untilDone(
      () => true,
      () => this.#around.checkpoints.halt(this.key, epoch, reason),
      () => {
        this.#halting = false;
        this.#around.readSoon();
      },
    );
  }

  /** Tries again with a growing wait while it is still wanted. */
  #untilDone(wanted: () => boolean, work: () => Promise<void>, done: () => void): void {
    const attempt = (waitMs: number) => {
      if (this.#dropped || !wanted()) return;
      work().then(done, (error: unknown) => {
        this.#around.logger.debug({ ...this.key, error }, "Trying again");
        this.#around.clock.after(waitMs, () => attempt(Math.min(waitMs * 2, RETRY_MS_MAX)));
      });
    };
    attempt(RETRY_MS_MIN);
  }

  #tellPhase(event: PartitionEvent, before: PartitionState["phase"]): void {
    const { phase } = this.#state;
    const row = event.type === "checkpoint" || event.type === "answered" ? event.row : null;
    const { logger } = this.#around;
    if (phase === "stopped") {
      const reason = row ? row.reason ?? row.state : "HALT_CHECKPOINT: no row; run migrate";
      logger.warn({ ...this.key, reason }, "Partition stopped");
    } else if (phase === "running" && before === "stopped") {
      logger.info({ ...this.key, position: this.#state.position }, "Partition runs again");
    }
  }
}
