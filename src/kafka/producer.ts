/**
 * The producer of one topic. One send is on its way at a time and what waits goes into the next, so
 * a partition's records keep the order in which they came; what Kafka did not acknowledge is sent
 * again before anything newer, until its deadline.
 */

import type { Kafka, Producer as KafkaProducer } from "kafkajs";
import type { Logger } from "../telemetry/log.ts";
import { makeKafka } from "./client.ts";
import { acknowledged, type ProduceReply } from "./reply_check.ts";

export interface ProduceRecord {
  partition: number;
  key: Buffer | string | null;
  value: Buffer | null;
  headers: Record<string, string>;
}

/** The offset where Kafka has the record, or why it is not known to have it. */
export type ProduceResult = { offset: number } | { failed: "unacknowledged" | "too_large" };

interface Waiting {
  record: ProduceRecord;
  bytes: number;
  deadlineMs: number;
  request: Request;
  settle(result: ProduceResult): void;
}

/** One call of `produce`: after one of its records failed, no later one of the partition is sent. */
interface Request {
  failedPartitions: Set<number>;
}

export interface ProducerOptions {
  brokers: string[];
  topic: string;
  logger: Logger;
}

/** Largest batch of one partition in one send; a broker takes 1 MiB with its framing. */
const PARTITION_BYTES_MAX = 900_000;
/** About what a record's framing costs. */
const OVERHEAD_BYTES = 100;
/** Everything of one send; bounds what one request to a broker may hold. */
const SEND_BYTES_MAX = 8_388_608;
/** A send that has not returned by then is given up with its connection (hazards K3). */
const SEND_DEADLINE_MS = 30_000;
const RETRY_MS = 100;
/** The broker has lost track of this producer: a new one has to begin (hazards K2). */
const PRODUCER_LOST = new Set([45, 46, 47, 59]);
const MESSAGE_TOO_LARGE = new Set([10, 18]);

export class Producer {
  readonly #kafka: Kafka;
  readonly #topic: string;
  readonly #logger: Logger;
  #producer: Promise<KafkaProducer> | null = null;
  #waiting: Waiting[] = [];
  #sending: Promise<void> | null = null;
  #bytesInFlight = 0;
  #stuckSinceMs: number | null = null;
  #closing = false;

  constructor({ brokers, topic, logger }: ProducerOptions) {
    this.#kafka = makeKafka(brokers, logger);
    this.#topic = topic;
    this.#logger = logger;
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** How long the broker has not acknowledged anything it was sent; 0 while all is well. */
  get stuckMs(): number {
    return this.#stuckSinceMs === null ? 0 : performance.now() - this.#stuckSinceMs;
  }

  /** Connects ahead of the first send. */
  async connect(): Promise<void> {
    await this.#connected();
  }

  /** Results in the order of the records, each by the deadline at the latest. Never throws. */
  produce(records: ProduceRecord[], deadlineMs: number): Promise<ProduceResult[]> {
    const request: Request = { failedPartitions: new Set() };
    const atMs = performance.now() + deadlineMs;
    const results = records.map((record) => this.#enqueue(record, request, atMs));
    this.#pump();
    return Promise.all(results);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#sending;
    const producer = await this.#producer?.catch(() => null);
    await producer?.disconnect().catch(() => {});
  }

  #enqueue(record: ProduceRecord, request: Request, atMs: number): Promise<ProduceResult> {
    const bytes = OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0);
    this.#bytesInFlight += bytes;
    return new Promise((resolve) => {
      let open = true;
      const settle = (result: ProduceResult) => {
        if (!open) return;
        open = false;
        clearTimeout(timer);
        this.#bytesInFlight -= bytes;
        if ("failed" in result) request.failedPartitions.add(record.partition);
        resolve(result);
      };
      const waitMs = Math.max(0, atMs - performance.now());
      const timer = setTimeout(() => settle({ failed: "unacknowledged" }), waitMs);
      this.#waiting.push({ record, bytes, deadlineMs: atMs, request, settle });
    });
  }

  #pump(): void {
    this.#sending ??= this.#sendAll().finally(() => this.#sending = null);
  }

  async #sendAll(): Promise<void> {
    while (this.#dropOverdue() > 0) {
      const batch = this.#takeBatch();
      const left = await this.#send(batch);
      if (left.length === 0) continue;
      this.#waiting = [...left, ...this.#waiting];
      if (this.#closing) this.#giveUp();
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  #giveUp(): void {
    for (const waiting of this.#waiting) waiting.settle({ failed: "unacknowledged" });
  }

  /** What was answered is never sent any more; neither is what comes after a failure of its own. */
  #dropOverdue(): number {
    const nowMs = performance.now();
    this.#waiting = this.#waiting.filter((waiting) => {
      const withdrawn = waiting.request.failedPartitions.has(waiting.record.partition);
      if (!withdrawn && waiting.deadlineMs > nowMs) return true;
      waiting.settle({ failed: "unacknowledged" });
      return false;
    });
    return this.#waiting.length;
  }

  /** The oldest that fit; once one of a partition does not, no later one of it is taken. */
  #takeBatch(): Waiting[] {
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    const bytes = new Map<number, number>();
    const full = new Set<number>();
    let total = 0;
    for (const waiting of this.#waiting) {
      const { partition } = waiting.record;
      const used = bytes.get(partition) ?? 0;
      const fits = used === 0 || used + waiting.bytes <= PARTITION_BYTES_MAX;
      if (full.has(partition) || !fits || (total > 0 && total + waiting.bytes > SEND_BYTES_MAX)) {
        full.add(partition);
        left.push(waiting);
        continue;
      }
      bytes.set(partition, used + waiting.bytes);
      total += waiting.bytes;
      taken.push(waiting);
    }
    this.#waiting = left;
    return taken;
  }

  /** Sends once; answers what Kafka did not acknowledge, in its order. */
  async #send(batch: Waiting[]): Promise<Waiting[]> {
    let offsets: Map<number, number>;
    try {
      const reply = await this.#sendOnce(batch);
      const partitions = new Set(batch.map(({ record }) => record.partition));
      offsets = acknowledged(this.#topic, partitions, reply);
    } catch (error) {
      return await this.#afterFailure(batch, error);
    }
    this.#stuckSinceMs = null;
    const next = new Map(offsets);
    return batch.filter(({ record, settle }) => {
      const offset = next.get(record.partition);
      if (offset === undefined) return true;
      settle({ offset });
      next.set(record.partition, offset + 1);
      return false;
    });
  }

  async #sendOnce(batch: Waiting[]): Promise<ProduceReply[]> {
    const messages = batch.map(({ record }) => ({
      partition: record.partition,
      key: record.key,
      value: record.value,
      headers: record.headers,
    }));
    const startedMs = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#stuckSinceMs ??= startedMs;
        reject(new Error(`Kafka did not answer for ${SEND_DEADLINE_MS} ms`));
      }, SEND_DEADLINE_MS);
    });
    const watch = setTimeout(() => this.#stuckSinceMs ??= startedMs, 1_000);
    try {
      const sending = this.#connected().then((producer) =>
        producer.send({ topic: this.#topic, acks: -1, messages })
      );
      return await Promise.race([sending, deadline]);
    } finally {
      clearTimeout(timer);
      clearTimeout(watch);
    }
  }

  /** What shall be sent again after a send failed. */
  async #afterFailure(batch: Waiting[], error: unknown): Promise<Waiting[]> {
    const code = protocolCode(error);
    this.#logger.warn({ topic: this.#topic, code, error }, "Cannot produce");
    this.#stuckSinceMs ??= performance.now();
    if (code !== null && MESSAGE_TOO_LARGE.has(code)) return await this.#sendSmaller(batch);
    if (code === null || PRODUCER_LOST.has(code)) await this.#renew();
    return batch;
  }

  async #sendSmaller(batch: Waiting[]): Promise<Waiting[]> {
    if (batch.length === 1) {
      batch[0]!.settle({ failed: "too_large" });
      return [];
    }
    const middle = batch.length >> 1;
    const left = await this.#send(batch.slice(0, middle));
    // What was not acknowledged goes first again, and the rest stays behind it.
    return left.length > 0 ? [...left, ...batch.slice(middle)] : this.#send(batch.slice(middle));
  }

  #connected(): Promise<KafkaProducer> {
    this.#producer ??= this.#make().catch((error) => {
      this.#producer = null;
      throw error;
    });
    return this.#producer;
  }

  async #make(): Promise<KafkaProducer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
    });
    await producer.connect();
    return producer;
  }

  async #renew(): Promise<void> {
    const old = this.#producer;
    this.#producer = null;
    const producer = await old?.catch(() => null);
    await producer?.disconnect().catch(() => {});
  }
}

/** Kafka's error code, below kafkajs's wrappers. */
function protocolCode(error: unknown): number | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    if (typeof code === "number") return code;
  }
  return null;
}
