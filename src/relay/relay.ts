/**
 * Publishes dead letters to `<topic>-dlt`, at least once: a letter is marked after Kafka has it, so
 * a crash between the two sends it again, with the same letter id in its headers. One relay at a
 * time does this; the others stand by.
 */

import type { Logger } from "../telemetry/log.ts";
import type { Database } from "../writer/database.ts";
import type { RelayLock } from "./lock.ts";
import { type DeadLetter, markPublished, takeUnpublished } from "./store.ts";

/** A record for a dead-letter topic: same key and partition as the record that was rejected. */
export interface LetterRecord {
  topic: string;
  partition: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, string>;
}

const IDLE_MS = 500;
const RETRY_MS = 2_000;

export interface RelayOptions {
  database: Database;
  lock: RelayLock;
  /** Resolves once Kafka has acknowledged all of them. */
  publish: (letters: LetterRecord[]) => Promise<void>;
  log: Logger;
}

export class Relay {
  readonly #options: RelayOptions;
  #stopping = false;
  #wake: () => void = () => {};
  #done: Promise<void> = Promise.resolve();

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#done;
    this.#options.lock.release();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        const published = await this.#options.lock.hold() ? await this.#publishSome() : 0;
        if (published === 0) await this.#wait(IDLE_MS);
      } catch (error) {
        this.#options.log.warn({ error }, "Cannot publish dead letters; trying again");
        await this.#wait(RETRY_MS);
      }
    }
  }

  async #publishSome(): Promise<number> {
    const letters = await takeUnpublished(this.#options.database);
    if (letters.length === 0) return 0;
    await this.#options.publish(letters.map(letterRecord));
    await markPublished(this.#options.database, letters.map((letter) => letter.id));
    return letters.length;
  }

  #wait(ms: number): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The record as it was, its own headers below those that say why it is here. */
function letterRecord(letter: DeadLetter): LetterRecord {
  const headers: Record<string, string> = {
    "millrace-letter-id": String(letter.id),
    "millrace-stream": letter.stream,
    "millrace-sink": letter.sink,
    "millrace-topic": letter.topic,
    "millrace-partition": String(letter.kafkaPartition),
    "millrace-offset": String(letter.kafkaOffset),
    "millrace-timestamp": letter.kafkaTimestamp,
    "millrace-code": letter.code,
    "millrace-message": letter.message,
  };
  if (letter.eventId !== null) headers.id = letter.eventId;
  for (const [name, value] of JSON.parse(letter.headers.toString()) as [string, unknown][]) {
    if (typeof value === "string") headers[name] ??= value;
  }
  return {
    topic: `${letter.topic}-dlt`,
    partition: letter.kafkaPartition,
    key: letter.key,
    value: letter.payload,
    headers,
  };
}
