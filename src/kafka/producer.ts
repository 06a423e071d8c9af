/**
 * Takes records to one topic, each to the partition it names, and says of each whether Kafka has
 * it. One send is under way at a time, and what waits meanwhile goes into the next: batches follow
 * the broker's pace. Order in a partition is the order of the calls, also through retries.
 */

import type { RecordMetadata } from "kafkajs";
import type { Logger } from "../telemetry/log.ts";
import { type Item, Lines, messageOf, Request } from "./producer_lines.ts";
import type { ProduceRecord, ProduceResult } from "./producer_lines.ts";
import { acknowledgedOffsets } from "./reply_check.ts";
import type { Sender } from "./sender.ts";
import { within } from "./within.ts";

export type { ProduceRecord, ProduceResult } from "./producer_lines.ts";

/** A send that takes longer than this has lost its producer (hazards K3). */
const SEND_DEADLINE_MS = 30_000;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 1_000;
/** MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE. */
const TOO_LARGE_CODES = new Set([10, 18]);

export interface ProducerOptions {
  topic: string;
  logger: Logger;
  open: () => Promise<Sender>;
  /** Reads the reply; tests break it. */
  acknowledged?: typeof acknowledgedOffsets;
}

export interface ProducerHealth {
  connected: boolean;
  /** How long records have waited, or a send has been under way, without an acknowledgement. */
  stuckMs: number;
}

export class Producer {
  readonly #options: Required<ProducerOptions>;
  readonly #lines = new Lines();
  #sender: Sender | null = null;
  #retryMs = RETRY_MS_MIN;
  /** Since when records wait without progress. */
  #waitingSinceMs: number | null = null;
  #sendingSinceMs: number | null = null;
  #stopping = false;
  #wake: () => void = () => {};
  #drained: () => void = () => {};
  #loop: Promise<void> | null = null;

  constructor(options: ProducerOptions) {
    this.#options = { acknowledged: acknowledgedOffsets, ...options };
  }

  /** Connects in the background, and for as long as it takes. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Bytes of records that are held: waiting, or in a send that has not returned. */
  get bytesInFlight(): number {
    return this.#lines.bytes;
  }

  get health(): ProducerHealth {
    const now = performance.now();
    return {
      connected: this.#sender?.connected ?? false,
      stuckMs: now - Math.min(this.#waitingSinceMs ?? now, this.#sendingSinceMs ?? now),
    };
  }

  /**
   * One result for each record, in their order, after `deadlineMs` at the latest. Unacknowledged
   * means unknown: Kafka may have the record.
   */
  produce(records: ProduceRecord[], deadlineMs: number): Promise<ProduceResult[]> {
    return new Promise((resolve) => {
      const request = new Request(records.length, deadlineMs, resolve, () => {
        this.#lines.drop(request);
        this.#noteProgress();
      });
      if (this.#stopping) return request.expire();
      this.#lines.add(request, records);
      if (!this.#lines.isEmpty) this.#waitingSinceMs ??= performance.now();
      this.#wake();
    });
  }

  /** Finishes what waits, within `deadlineMs`; what is left then stays unacknowledged. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    this.#wake();
    if (!this.#lines.isEmpty) {
      const drained = new Promise<void>((resolve) => this.#drained = resolve);
      await within(deadlineMs, drained, "drain").catch(() => {});
    }
    this.#lines.expireAll();
    this.#giveUpSender();
  }

  async #run(): Promise<void> {
    while (!(this.#stopping && this.#lines.isEmpty)) {
      if (this.#sender === null || !this.#sender.connected) {
        this.#giveUpSender();
        await this.#openSender();
      } else if (this.#lines.isEmpty) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      } else {
        await this.#sendOnce(this.#sender);
      }
    }
  }

  async #openSender(): Promise<void> {
    try {
      const sender = await this.#options.open();
      if (this.#stopping && this.#lines.isEmpty) return sender.cut();
      this.#sender = sender;
      sender.onLost(() => this.#wake());
    } catch (error) {
      this.#options.logger.warn({ topic: this.#options.topic, error }, "Cannot connect to Kafka");
      await this.#backOff();
    }
  }

  async #sendOnce(sender: Sender): Promise<void> {
    const taken = this.#lines.take();
    this.#sendingSinceMs = performance.now();
    try {
      await this.#sendAll(sender, taken);
      this.#retryMs = RETRY_MS_MIN;
    } catch (error) {
      this.#options.logger.warn(
        { topic: this.#options.topic, records: taken.length, error },
        "Cannot produce; trying again with a new producer",
      );
      // kafkajs counts its sequence back after a failure. If the broker did store the batch, the
      // next one of equal length would pass for its copy: acknowledged and never stored. A new
      // producer id has no such past (hazards K2: codes 45, 46, 47 and 59 need one anyway).
      this.#giveUpSender();
      await this.#backOff();
    } finally {
      this.#sendingSinceMs = null;
      this.#lines.putBack(taken);
      this.#noteProgress();
    }
  }

  async #sendAll(sender: Sender, items: Item[]): Promise<void> {
    const parts = byPartition(items);
    try {
      this.#settle(parts, await this.#send(sender, items));
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      // The reply does not say whose batch it was, so each partition goes by itself.
      for (const part of parts.values()) await this.#sendHalving(sender, part);
    }
  }

  /** Finds the record that is too large; the others are sent, in their order. */
  async #sendHalving(sender: Sender, items: Item[]): Promise<void> {
    try {
      this.#settle(byPartition(items), await this.#send(sender, items));
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      if (items.length === 1) return items[0]!.settle({ state: "too_large" });
      const half = items.length >> 1;
      await this.#sendHalving(sender, items.slice(0, half));
      await this.#sendHalving(sender, items.slice(half));
    }
  }

  #send(sender: Sender, items: Item[]): Promise<RecordMetadata[]> {
    return within(SEND_DEADLINE_MS, sender.send(items.map(messageOf)), "produce");
  }

  /** @throws Error if the reply does not prove all of it. */
  #settle(parts: Map<number, Item[]>, reply: RecordMetadata[]): void {
    const offsets = this.#options.acknowledged(this.#options.topic, parts.keys(), reply);
    for (const [partition, offset] of offsets) {
      parts.get(partition)!.forEach((item, index) =>
        item.settle({ state: "acknowledged", partition, offset: offset + index })
      );
    }
    if (offsets.size > 0 && !this.#lines.isEmpty) this.#waitingSinceMs = performance.now();
    if (offsets.size === parts.size) return;
    const missing = [...parts.keys()].filter((partition) => !offsets.has(partition));
    throw new Error(`The reply does not acknowledge partitions ${missing.join(", ")}`);
  }

  #noteProgress(): void {
    if (!this.#lines.isEmpty) return;
    this.#waitingSinceMs = null;
    this.#drained();
  }

  #giveUpSender(): void {
    this.#sender?.cut();
    this.#sender = null;
  }

  async #backOff(): Promise<void> {
    const waitMs = this.#retryMs;
    this.#retryMs = Math.min(waitMs * 2, RETRY_MS_MAX);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

function byPartition(items: Item[]): Map<number, Item[]> {
  const parts = new Map<number, Item[]>();
  for (const item of items) {
    const part = parts.get(item.record.partition);
    if (part) part.push(item);
    else parts.set(item.record.partition, [item]);
  }
  return parts;
}

function isTooLarge(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (typeof code === "number") return TOO_LARGE_CODES.has(code);
  return cause instanceof Error && isTooLarge(cause);
}
