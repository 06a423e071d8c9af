/**
 * A whole Millrace in virtual time: a topic, queues, a database, actor and writer processes, the
 * group that shares out the partitions, and a person. What goes wrong is `faults.ts`'s business.
 */

import type { Job, LogBounds, PartitionKey } from "../../src/core/ports.ts";
import { CheckpointsTwin, plain } from "../twins/checkpoints.ts";
import { VirtualClock } from "../twins/clock.ts";
import { type Lane, QueueTwin } from "../twins/flusher.ts";
import type { LogManners } from "../twins/log.ts";
import { SinkTwin } from "../twins/sink.ts";
import { TopicTwin } from "../twins/topic.ts";
import { ActorModel } from "./actor.ts";
import { edit } from "./edit.ts";
import { Oracle } from "./oracle.ts";
import { type Mishap, type Plan, planOf } from "./plan.ts";
import { Random } from "./random.ts";
import { WriterModel } from "./writer.ts";

export function keyOf(partition: number): PartitionKey {
  return { stream: "telemetry", sink: "rows", partition };
}

export class World {
  readonly plan: Plan;
  readonly random: Random;
  readonly clock = new VirtualClock();
  readonly topic: TopicTwin;
  readonly queue = new QueueTwin();
  readonly checkpoints = new CheckpointsTwin();
  readonly sink: SinkTwin;
  readonly oracle = new Oracle();
  readonly actors: ActorModel[] = [];
  readonly writers: WriterModel[] = [];
  /** Every job that was ever sent, for those who replay old ones. */
  readonly sent: Job[] = [];
  readonly lines: string[] | null;
  /** How many times each fault struck. */
  readonly struck = new Map<string, number>();
  readonly logManners: LogManners;
  #names = 0;
  #epochs = 0;
  #rebalances = 0;

  constructor(seed: number, options: { traced: boolean }) {
    this.lines = options.traced ? [] : null;
    this.plan = planOf(seed);
    this.random = new Random(seed + 0x5eed);
    this.topic = new TopicTwin(this.plan.partitions);
    this.sink = new SinkTwin(this.checkpoints, this.plan.conflict);
    this.logManners = {
      delayMs: () => this.random.between(0, this.plan.slowMs),
      seekMs: () => this.random.chance(0.5) ? 0 : this.random.between(0, 2 * this.plan.slowMs),
      offsetsMax: () => this.random.between(1, 30),
      reset: (bounds: LogBounds) => this.random.chance(0.5) ? bounds.low : bounds.high,
    };
    this.queue.onWork = (lane) => this.pump(lane);
    for (const [partition, log] of this.topic.partitions.entries()) {
      const row = { epoch: this.newEpoch(), next: 0, state: "run", reason: null } as const;
      this.checkpoints.put(keyOf(partition), { ...row, topicId: log.bounds().topicId });
      this.oracle.begin(log, plain(this.checkpoints.row(keyOf(partition))!));
    }
    for (let i = 0; i < this.plan.writers; i++) this.startWriter();
    for (let i = 0; i < this.plan.actors; i++) this.startActor();
  }

  trace(line: () => string): void {
    this.lines?.push(`${(this.clock.nowMs() / 1000).toFixed(3).padStart(8)} ${line()}`);
  }

  newEpoch(): string {
    return `e${++this.#epochs}`;
  }

  /** A mishap by its probability, counted. */
  mishap(mishap: Mishap): boolean {
    if (!this.random.chance(this.plan.mishaps.get(mishap)!)) return false;
    this.struck.set(mishap, (this.struck.get(mishap) ?? 0) + 1);
    return true;
  }

  slowly(): number {
    return this.random.between(0, this.plan.slowMs);
  }

  startActor(): void {
    const actor = new ActorModel(this, `a${++this.#names}`);
    this.actors.push(actor);
    this.trace(() => `${actor.name} starts`);
    this.rebalance();
  }

  stopActor(actor: ActorModel): void {
    if (!this.actors.includes(actor)) return;
    this.actors.splice(this.actors.indexOf(actor), 1);
    actor.crash();
    this.clock.after(this.random.between(0, 1_000), () => this.startActor());
  }

  startWriter(): void {
    this.writers.push(new WriterModel(this, `w${++this.#names}`));
    for (const lane of this.queue.lanes.values()) this.pump(lane);
  }

  stopWriter(writer: WriterModel): void {
    this.writers.splice(this.writers.indexOf(writer), 1);
    writer.crash();
    this.clock.after(this.random.between(0, 1_000), () => this.startWriter());
  }

  /**
   * Shares the partitions out anew. Each member hears of it at its own time: until then one that
   * has lost a partition goes on with it.
   */
  rebalance(): void {
    const turn = ++this.#rebalances;
    const shares = new Map<ActorModel, number[]>(this.actors.map((actor) => [actor, []]));
    for (const partition of this.topic.partitions.keys()) {
      shares.get(this.random.pick(this.actors)!)?.push(partition);
    }
    for (const [actor, partitions] of shares) {
      this.clock.after(this.random.between(0, 10 * this.plan.slowMs), () => {
        const isOld = turn < this.#rebalances && this.random.chance(0.5);
        if (!actor.alive || isOld || turn < actor.turn) return;
        actor.turn = turn;
        this.trace(() => `${actor.name} is assigned ${partitions.join(" ") || "nothing"}`);
        actor.log.assign(partitions);
      });
    }
  }

  /** The lane has work, or room: some writer takes a job if none is on it. */
  pump(lane: Lane): void {
    this.clock.after(this.slowly(), () => {
      if (lane.active.length > 0 && !this.mishap("secondWriter")) return;
      this.random.pick(this.writers)?.take(lane);
    });
  }

  submit(job: Job): void {
    this.sent.push(job);
    this.clock.after(this.slowly(), () => {
      if (this.mishap("failSubmit")) return;
      this.trace(() => `queue p${job.partition} takes ${job.id}`);
      this.queue.submit(this.mishap("editSubmitted") ? this.edited(job) : job);
    });
  }

  edited(job: Job): Job {
    const row = this.checkpoints.row(keyOf(job.partition))!;
    return edit(job, this.random, row, this.plan.partitions);
  }

  /** Looks at something now or a little later and brings what it saw still later, if at all. */
  roundTrip(mishap: Mishap, look: () => () => void): void {
    this.clock.after(this.slowly(), () => {
      if (this.mishap(mishap)) return;
      this.clock.after(this.slowly(), look());
    });
  }

  deliverAnswer(arrive: () => void): void {
    if (this.mishap("loseAnswer")) return;
    this.clock.after(this.slowly(), arrive);
    if (this.mishap("doubleAnswer")) this.clock.after(this.random.between(0, 3_000), arrive);
  }

  halt(partition: number, epoch: string, reason: string): void {
    this.clock.after(this.slowly(), () => {
      if (this.mishap("failHalt")) return;
      this.withRow(partition, () => void this.checkpoints.halt(keyOf(partition), epoch, reason));
    });
  }

  /** A statement on the row: waits for the transaction that holds it. */
  withRow(partition: number, call: () => void): void {
    if (!this.checkpoints.lock(keyOf(partition))) {
      this.clock.after(10, () => this.withRow(partition, call));
      return;
    }
    call();
    this.checkpoints.unlock(keyOf(partition));
  }

  /** A person moves the position: a new epoch, on the topic as it is now. */
  move(partition: number, to: (bounds: LogBounds, next: number) => number): void {
    this.withRow(partition, () => {
      const key = keyOf(partition);
      const before = this.checkpoints.row(key)!;
      const bounds = this.topic.partitions[partition]!.bounds();
      const next = Math.min(Math.max(to(bounds, before.next), bounds.low), bounds.high);
      const after = {
        epoch: this.newEpoch(),
        next,
        state: "run",
        reason: null,
        topicId: bounds.topicId,
      } as const;
      this.trace(() => `person p${partition} moves ${before.next} to ${after.epoch}:${next}`);
      this.oracle.moved(partition, plain(before), after);
      this.checkpoints.put(key, after, before.counters);
    });
  }
}
