/**
 * One idempotent kafkajs producer that can be thrown away. kafkajs goes on by itself after a
 * failed send, and may write minutes later; a sender that was cut has no sockets and gets none, so
 * what it has not written it never will.
 */

import type { Message, Producer as KafkaProducer, RecordMetadata } from "kafkajs";
import type { Logger } from "../telemetry/log.ts";
import { makeKafka } from "./client.ts";
import { TrackedSockets } from "./sockets.ts";
import { within } from "./within.ts";

export interface Sender {
  /** Whether a socket to a broker is open. */
  readonly connected: boolean;
  /** Sends all; rejects if kafkajs could not. Its reply still has to be checked. */
  send(messages: Message[]): Promise<RecordMetadata[]>;
  /** Takes its sockets away, at once and for ever. */
  cut(): void;
  /** Calls once when its last socket has closed. */
  onLost(listener: () => void): void;
}

/** Below the client's own request timeout, so that the broker's reason arrives. */
const ACKS_TIMEOUT_MS = 8_000;
const OPEN_DEADLINE_MS = 10_000;

export interface SenderOptions {
  brokers: string[];
  topic: string;
  logger: Logger;
}

/** Connects and gets a producer id. */
export async function openSender({ brokers, topic, logger }: SenderOptions): Promise<Sender> {
  const sockets = new TrackedSockets();
  const kafka = makeKafka(brokers, logger, {
    socketFactory: sockets.factory,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 3 },
  });
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    metadataMaxAge: 30_000,
    // Every record names its partition, chosen once (hazards K4).
    createPartitioner: () => ({ message }) => message.partition!,
  });
  try {
    await within(OPEN_DEADLINE_MS, producer.connect(), "connect to Kafka");
  } catch (error) {
    sockets.cut();
    throw error;
  }
  return new KafkaSender(producer, topic, sockets);
}

class KafkaSender implements Sender {
  #producer: KafkaProducer;
  #topic: string;
  #sockets: TrackedSockets;

  constructor(producer: KafkaProducer, topic: string, sockets: TrackedSockets) {
    this.#producer = producer;
    this.#topic = topic;
    this.#sockets = sockets;
  }

  get connected(): boolean {
    return this.#sockets.connected > 0;
  }

  send(messages: Message[]): Promise<RecordMetadata[]> {
    return this.#producer.send({
      topic: this.#topic,
      messages,
      acks: -1,
      timeout: ACKS_TIMEOUT_MS,
    });
  }

  cut(): void {
    this.#sockets.cut();
  }

  onLost(listener: () => void): void {
    this.#sockets.onLost = listener;
  }
}
