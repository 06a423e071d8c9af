/** Drives one partition of the core by hand, for tests that tell a story. */

import {
  type Effect,
  type Limits,
  loadedUpTo,
  type PartitionEvent,
  type PartitionState,
  startPartition,
  step,
} from "../../src/core/partition.ts";
import type { Checkpoint, Fetch, LogRecord } from "../../src/core/ports.ts";

export function record(offset: number, bytes = 10): LogRecord {
  const key = "device-1";
  return { offset, timestampMs: 1, key, id: null, headers: [], value: `{"n":${offset}}`, bytes };
}

/** A fetch of `[from, next)` with a record under every offset, or only under those given. */
export function fetchOf(from: number, next: number, offsets?: number[]): Fetch {
  const all = Array.from({ length: next - from }, (_, i) => from + i);
  return { from, next, records: (offsets ?? all).map((offset) => record(offset)) };
}

export function rowAt(next: number, changed: Partial<Checkpoint> = {}): Checkpoint {
  return { epoch: "1", next, state: "run", reason: null, topicId: "topic", ...changed };
}

type Flush = Extract<Effect, { type: "flush" }>;

export class PartitionDriver {
  state: PartitionState;
  /** Of the last step. */
  effects: Effect[];
  #limits: Limits;

  constructor(limits: Partial<Limits> = {}) {
    this.#limits = { rowsMax: 100, bytesMax: 1_000_000, lingerMs: 50, ...limits };
    [this.state, this.effects] = startPartition("me");
  }

  /** As after the first reading of its row, and a look at a log that ends there. */
  static runningAt(next: number, limits: Partial<Limits> = {}): PartitionDriver {
    const driver = new PartitionDriver(limits);
    driver.read(rowAt(next)).inspected(0, next);
    return driver;
  }

  /** The names of what the last step asked for. */
  get asked(): string[] {
    return this.effects.map((effect) => effect.type);
  }

  get flushed(): Flush[] {
    return this.effects.filter((effect) => effect.type === "flush");
  }

  send(event: PartitionEvent): this {
    [this.state, this.effects] = step(this.state, event, this.#limits);
    return this;
  }

  read(row: Checkpoint | null, version = this.state.version): this {
    return this.send({ type: "checkpoint", row, version });
  }

  /** The log's bounds, asked for just now. */
  inspected(low: number, high: number, topicId = "topic"): this {
    const { epoch } = this.state;
    const bounds = { topicId, low, high };
    return this.send({ type: "inspected", bounds, epoch, loaded: loadedUpTo(this.state) });
  }

  fetch(from: number, next: number, offsets?: number[]): this {
    return this.send({ type: "fetched", fetch: fetchOf(from, next, offsets) });
  }

  linger(): this {
    return this.send({ type: "lingered", first: this.state.open?.first ?? -1 });
  }

  /** The batch in flight is answered; settled unless another row is given. */
  answer(row = rowAt(this.state.inFlight?.next ?? -1)): this {
    return this.send({ type: "answered", jobId: this.state.inFlight?.jobId ?? "", row });
  }
}
