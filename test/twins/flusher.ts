/**
 * Queues as Redis keeps them, one lane per stream, sink and partition, and the actor's end of
 * them. It keeps none of what it holds for certain: a test can wipe, lose, double, edit and replay
 * jobs, and an answer travels only as its `deliver` likes.
 */

import type { Checkpoint, Flusher, Job, JobStatus, PartitionKey } from "../../src/core/ports.ts";

export interface QueueEntry {
  job: Job;
  /** False during a backoff. */
  ready: boolean;
}

export interface Lane {
  waiting: QueueEntry[];
  active: QueueEntry[];
}

export class QueueTwin {
  readonly lanes = new Map<string, Lane>();
  readonly answers = new Map<string, Checkpoint>();
  readonly listeners = new Set<(jobId: string, row: Checkpoint) => void>();
  /** Called when a lane has something to do. */
  onWork: (lane: Lane) => void = () => {};

  lane(key: PartitionKey): Lane {
    const name = `${key.stream}.${key.sink}.${key.partition}`;
    let lane = this.lanes.get(name);
    if (!lane) this.lanes.set(name, lane = { waiting: [], active: [] });
    return lane;
  }

  submit(job: Job): void {
    this.lane(job).waiting = [];
    this.insert(job);
  }

  /** Adds a job beside what waits: a copy, an old one, an edited one. */
  insert(job: Job, place: "first" | "last" = "last"): void {
    const lane = this.lane(job);
    lane.waiting.splice(place === "first" ? 0 : lane.waiting.length, 0, { job, ready: true });
    this.onWork(lane);
  }

  status(job: Pick<Job, "stream" | "sink" | "partition" | "id">): JobStatus {
    const row = this.answers.get(job.id);
    if (row) return { state: "answered", row };
    const { waiting, active } = this.lane(job);
    const isThere = [...waiting, ...active].some((entry) => entry.job.id === job.id);
    return { state: isThere ? "waiting" : "gone" };
  }

  /** A writer takes the next job that is ready. */
  take(lane: Lane): QueueEntry | null {
    const index = lane.waiting.findIndex((entry) => entry.ready);
    if (index < 0) return null;
    const [entry] = lane.waiting.splice(index, 1);
    lane.active.push(entry!);
    return entry!;
  }

  /** A writer is done; nothing is kept if it no longer holds the job. */
  answer(entry: QueueEntry, row: Checkpoint): void {
    if (!this.#leave(entry)) return;
    this.answers.set(entry.job.id, row);
    for (const listener of [...this.listeners]) listener(entry.job.id, row);
  }

  /** The job waits again, behind the others: the attempt failed, or its writer is not heard of. */
  putBack(entry: QueueEntry, ready: boolean): QueueEntry | null {
    if (!this.#leave(entry)) return null;
    const again = { job: entry.job, ready };
    const lane = this.lane(entry.job);
    lane.waiting.push(again);
    if (ready) this.onWork(lane);
    return again;
  }

  makeReady(entry: QueueEntry): void {
    entry.ready = true;
    this.onWork(this.lane(entry.job));
  }

  lose(job: Job): void {
    const lane = this.lane(job);
    lane.waiting = lane.waiting.filter((entry) => entry.job !== job);
    lane.active = lane.active.filter((entry) => entry.job !== job);
    this.onWork(lane);
  }

  /** FLUSHALL. */
  wipe(): void {
    this.answers.clear();
    for (const lane of this.lanes.values()) {
      lane.waiting = [];
      lane.active = [];
    }
  }

  #leave(entry: QueueEntry): boolean {
    const lane = this.lane(entry.job);
    const index = lane.active.indexOf(entry);
    if (index < 0) return false;
    lane.active.splice(index, 1);
    return true;
  }
}

export class FlusherTwin implements Flusher {
  #queue: QueueTwin;
  #deliver: (arrive: () => void) => void;
  #listeners: ((jobId: string, row: Checkpoint) => void)[] = [];
  #hear = (jobId: string, row: Checkpoint): void => {
    this.#deliver(() => {
      for (const listener of this.#listeners) listener(jobId, row);
    });
  };

  /** `deliver` may call late, more than once, or never. */
  constructor(queue: QueueTwin, deliver: (arrive: () => void) => void = (arrive) => arrive()) {
    this.#queue = queue;
    this.#deliver = deliver;
    queue.listeners.add(this.#hear);
  }

  submit(job: Job): Promise<void> {
    this.#queue.submit(job);
    return Promise.resolve();
  }

  ask(jobs: Pick<Job, "stream" | "sink" | "partition" | "id">[]): Promise<JobStatus[]> {
    return Promise.resolve(jobs.map((job) => this.#queue.status(job)));
  }

  onAnswer(listener: (jobId: string, row: Checkpoint) => void): void {
    this.#listeners.push(listener);
  }

  close(): Promise<void> {
    this.#queue.listeners.delete(this.#hear);
    this.#listeners = [];
    return Promise.resolve();
  }
}
