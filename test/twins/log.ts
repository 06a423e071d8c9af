/**
 * One member of a consumer group, reading a `TopicTwin` with the manners of a real client: fetches
 * are under way for a while and arrive in order; a seek takes effect late; a pause does not stop
 * what is under way; after a rebalance it reads from the group's committed offset, whatever was
 * asked for before; an offset out of range sends it to either end of the log.
 */

import type { Clock, Log, LogBounds, LogHandlers } from "../../src/core/ports.ts";
import type { TopicTwin } from "./topic.ts";

/** How the client behaves; every field is asked anew each time. */
export interface LogManners {
  /** How long a fetch is under way. */
  delayMs(): number;
  /** How long fetches from the old place go on after a seek. */
  seekMs(): number;
  offsetsMax(): number;
  /** Where reading goes on after an offset out of range. */
  reset(bounds: LogBounds): number;
}

const prompt: LogManners = {
  delayMs: () => 0,
  seekMs: () => 0,
  offsetsMax: () => 100,
  reset: (bounds) => bounds.low,
};

interface Cursor {
  offset: number;
  paused: boolean;
  /** A read is scheduled or waits for the log to change. */
  polling: boolean;
  lastArrivalMs: number;
  /** Seeks take effect in their order. */
  lastSeekMs: number;
}

export class LogTwin implements Log {
  #topic: TopicTwin;
  #clock: Clock;
  #manners: LogManners;
  #handlers: LogHandlers | null = null;
  #cursors = new Map<number, Cursor>();

  constructor(topic: TopicTwin, clock: Clock, manners: LogManners = prompt) {
    this.#topic = topic;
    this.#clock = clock;
    this.#manners = manners;
  }

  /** Alone in its group until someone calls `assign`. */
  start(handlers: LogHandlers): Promise<void> {
    this.#handlers = handlers;
    this.assign([...this.#topic.partitions.keys()]);
    return Promise.resolve();
  }

  /** As `start`, but as one of several: the group decides who has what. */
  join(handlers: LogHandlers): void {
    this.#handlers = handlers;
  }

  stop(): Promise<void> {
    this.#handlers = null;
    this.#cursors.clear();
    return Promise.resolve();
  }

  /** A rebalance: seeks and pauses are forgotten, reading begins where the group committed. */
  assign(partitions: number[]): void {
    this.#cursors.clear();
    for (const partition of partitions) {
      const offset = this.#topic.partitions[partition]!.committed ?? this.#reset(partition);
      this.#cursors.set(partition, {
        offset,
        paused: false,
        polling: false,
        lastArrivalMs: 0,
        lastSeekMs: 0,
      });
    }
    this.#handlers?.assigned(partitions);
    for (const [partition, cursor] of this.#cursors) this.#poll(partition, cursor);
  }

  seek(partition: number, offset: number): void {
    const cursor = this.#cursors.get(partition);
    if (!cursor) return;
    const takeEffect = () => {
      cursor.offset = offset;
      this.#poll(partition, cursor);
    };
    const nowMs = this.#clock.nowMs();
    const effectMs = Math.max(nowMs + this.#manners.seekMs(), cursor.lastSeekMs);
    cursor.lastSeekMs = effectMs;
    if (effectMs === nowMs) takeEffect();
    else this.#clock.after(effectMs - nowMs, takeEffect);
  }

  /** The client loses its place, as after an offset that was out of range for a moment. */
  losePlace(partition: number): void {
    const cursor = this.#cursors.get(partition);
    if (!cursor) return;
    cursor.offset = this.#reset(partition);
    this.#poll(partition, cursor);
  }

  pause(partition: number): void {
    const cursor = this.#cursors.get(partition);
    if (cursor) cursor.paused = true;
  }

  resume(partition: number): void {
    const cursor = this.#cursors.get(partition);
    if (!cursor) return;
    cursor.paused = false;
    this.#poll(partition, cursor);
  }

  bounds(): Promise<Map<number, LogBounds>> {
    return Promise.resolve(
      new Map(this.#topic.partitions.map((log, partition) => [partition, log.bounds()])),
    );
  }

  commit(partition: number, offset: number): Promise<void> {
    if (this.#handlers) this.#topic.partitions[partition]!.committed = offset;
    return Promise.resolve();
  }

  #reset(partition: number): number {
    return this.#manners.reset(this.#topic.partitions[partition]!.bounds());
  }

  /** One reading loop per cursor; it ends when paused or replaced and begins again by `resume`. */
  #poll(partition: number, cursor: Cursor): void {
    if (cursor.polling || cursor.paused) return;
    cursor.polling = true;
    this.#clock.after(this.#manners.delayMs(), () => {
      cursor.polling = false;
      this.#read(partition, cursor);
    });
  }

  #read(partition: number, cursor: Cursor): void {
    if (this.#cursors.get(partition) !== cursor || cursor.paused) return;
    const log = this.#topic.partitions[partition]!;
    const fetch = log.read(cursor.offset, this.#manners.offsetsMax());
    if (fetch === "range") {
      cursor.offset = this.#reset(partition);
      return this.#poll(partition, cursor);
    }
    if (fetch === null) {
      log.onChange(() => this.#poll(partition, cursor));
      return;
    }
    cursor.offset = fetch.next;
    const incarnation = log.current;
    // The next read does not wait for this one's arrival, so several can be under way.
    const arrivalMs = Math.max(
      this.#clock.nowMs() + this.#manners.delayMs(),
      cursor.lastArrivalMs,
    );
    cursor.lastArrivalMs = arrivalMs;
    this.#clock.after(arrivalMs - this.#clock.nowMs(), () => {
      if (log.current !== incarnation || !this.#cursors.has(partition)) return;
      this.#handlers?.fetched(partition, fetch);
    });
    this.#poll(partition, cursor);
  }
}
