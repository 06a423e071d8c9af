/**
 * An actor process, without the process: it drives `step` for the partitions it has and carries out
 * the effects against the twins, each after a while, some never. What it believes is checked after
 * every step.
 */

import { sealJob } from "../../src/core/job.ts";
import {
  bytesHeld,
  type Effect,
  loadedUpTo,
  type PartitionEvent,
  type PartitionState,
  startPartition,
  step,
} from "../../src/core/partition.ts";
import type { Fetch } from "../../src/core/ports.ts";
import { plain } from "../twins/checkpoints.ts";
import { FlusherTwin } from "../twins/flusher.ts";
import { LogTwin } from "../twins/log.ts";
import { checkBelief, checkState } from "./invariants.ts";
import { keyOf, type World } from "./world.ts";

type Flush = Extract<Effect, { type: "flush" }>;

export class ActorModel {
  readonly name: string;
  readonly log: LogTwin;
  readonly states = new Map<number, PartitionState>();
  alive = true;
  /** The rebalance it last heard of. */
  turn = 0;
  onDrained: (() => void) | null = null;
  #world: World;
  #flusher: FlusherTwin;
  #incarnations = 0;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.log = new LogTwin(world.topic, world.clock, world.logManners);
    this.#flusher = new FlusherTwin(world.queue, (arrive) => world.deliverAnswer(arrive));
    this.log.join({
      assigned: (partitions) => this.#assigned(partitions),
      fetched: (partition, fetch) => this.#fetched(partition, fetch),
      crashed: () => {},
    });
    // All hear all, late and doubled ones too: the core must tell by itself whose answer it is.
    this.#flusher.onAnswer((jobId, row) => {
      for (const partition of this.states.keys()) {
        this.feed(partition, { type: "answered", jobId, row });
      }
    });
    this.#every(1_000, () => this.#readRows([...this.states.keys()]));
    this.#every(2_000, () => this.#ask());
    this.#every(30_000, () => {
      for (const partition of this.states.keys()) this.#inspect(partition);
    });
  }

  /** `kill -9`: requests that have left go on, nothing comes back. */
  crash(): void {
    this.alive = false;
    this.states.clear();
    void this.log.stop();
    void this.#flusher.close();
  }

  drain(onDrained: () => void): void {
    this.onDrained = onDrained;
    for (const partition of [...this.states.keys()]) this.feed(partition, { type: "drain" });
    this.#leaveIfDrained();
  }

  feed(partition: number, event: PartitionEvent, owner?: string): void {
    const before = this.states.get(partition);
    if (!this.alive || !before || (owner !== undefined && owner !== before.owner)) return;
    const [after, effects] = step(before, event, this.#world.plan.limits);
    const isNews = effects.length > 0 || event.type !== "checkpoint" && event.type !== "answered";
    if (isNews) this.#world.trace(() => `${before.owner} p${partition} ${describe(event)}`);
    this.#accept(partition, after, effects);
  }

  #accept(partition: number, state: PartitionState, effects: Effect[]): void {
    checkState(state, this.#world.plan.limits);
    checkBelief(state, this.#world.checkpoints.row(keyOf(partition))!);
    this.states.set(partition, state);
    for (const effect of effects) {
      this.#world.trace(() => `${state.owner} p${partition}   → ${describe(effect)}`);
      this.#perform(partition, state.owner, effect);
    }
  }

  #assigned(partitions: number[]): void {
    for (const partition of [...this.states.keys()]) {
      if (!partitions.includes(partition)) this.states.delete(partition);
    }
    for (const partition of partitions) {
      if (this.states.has(partition)) {
        this.feed(partition, { type: "reassigned" });
        continue;
      }
      const [state, effects] = startPartition(`${this.name}.${++this.#incarnations}`);
      this.#accept(partition, state, effects);
    }
    this.#leaveIfDrained();
  }

  #fetched(partition: number, fetch: Fetch): void {
    if (!this.states.has(partition)) return;
    let held = 0;
    for (const state of this.states.values()) held += bytesHeld(state);
    let bytes = 0;
    for (const record of fetch.records) bytes += record.bytes;
    const isTooMuch = held > 0 && held + bytes > this.#world.plan.bytesInFlightMax;
    this.feed(partition, isTooMuch ? { type: "refused" } : { type: "fetched", fetch });
  }

  #perform(partition: number, owner: string, effect: Effect): void {
    switch (effect.type) {
      case "read":
        return this.#readRows([partition]);
      case "seek":
        return this.log.seek(partition, effect.offset);
      case "pause":
        return this.log.pause(partition);
      case "resume":
        return this.log.resume(partition);
      case "linger":
        this.#world.clock.after(effect.ms, () => {
          this.feed(partition, { type: "lingered", first: effect.first }, owner);
        });
        return;
      case "flush":
        return this.#flush(partition, effect);
      case "commit":
        void this.log.commit(partition, effect.offset);
        return;
      case "inspect":
        return this.#inspect(partition);
      case "halt":
        return this.#world.halt(partition, effect.epoch, effect.reason);
      case "drained":
        this.states.delete(partition);
        return this.#leaveIfDrained();
    }
  }

  #flush(partition: number, { jobId: id, epoch, topicId, batch, trigger }: Flush): void {
    const { first, next, records } = batch;
    const key = keyOf(partition);
    this.#world.submit(sealJob({ ...key, id, epoch, topicId, first, next, trigger, records }));
  }

  /** One round trip for all; the versions date the reading. */
  #readRows(partitions: number[]): void {
    const dated = partitions.flatMap((partition) => {
      const state = this.states.get(partition);
      return state ? [{ partition, owner: state.owner, version: state.version }] : [];
    });
    this.#world.roundTrip("failRead", () => {
      const rows = dated.map(({ partition }) => this.#world.checkpoints.row(keyOf(partition)));
      return () => {
        for (const [i, { partition, owner, version }] of dated.entries()) {
          const row = rows[i] ? plain(rows[i]) : null;
          this.feed(partition, { type: "checkpoint", row, version }, owner);
        }
      };
    });
  }

  #ask(): void {
    const asked = [...this.states].flatMap(([partition, { inFlight }]) =>
      inFlight ? [{ ...keyOf(partition), id: inFlight.jobId }] : []
    );
    if (asked.length === 0) return;
    this.#world.roundTrip("failAsk", () => {
      const statuses = asked.map((job) => this.#world.queue.status(job));
      return () => {
        for (const [i, { partition, id: jobId }] of asked.entries()) {
          const status = statuses[i]!;
          if (status.state === "gone") this.feed(partition, { type: "vanished", jobId });
          if (status.state === "answered") {
            this.feed(partition, { type: "answered", jobId, row: status.row });
          }
        }
      };
    });
  }

  #inspect(partition: number): void {
    const state = this.states.get(partition);
    if (!state) return;
    const { epoch, owner } = state;
    const loaded = loadedUpTo(state);
    this.#world.roundTrip("failRead", () => {
      const bounds = this.#world.topic.partitions[partition]!.bounds();
      return () => this.feed(partition, { type: "inspected", bounds, epoch, loaded }, owner);
    });
  }

  #leaveIfDrained(): void {
    if (this.onDrained === null || this.states.size > 0) return;
    const done = this.onDrained;
    this.onDrained = null;
    done();
  }

  #every(ms: number, call: () => void): void {
    this.#world.clock.after(ms, () => {
      if (!this.alive) return;
      call();
      this.#every(ms, call);
    });
  }
}

function describe(thing: PartitionEvent | Effect): string {
  return JSON.stringify(thing, (name, value: unknown) => {
    if (name !== "records") return value;
    return (value as { offset: number }[]).map((record) => record.offset).join(" ");
  });
}
