/**
 * One idempotent kafkajs producer that can be thrown away. kafkajs goes on by itself after a
 * failed send, and may write minutes later; a sender that was cut has no sockets and gets none, so
 * what it has not written it never will.
 */

import type { ISocketFactory, Message, Producer as KafkaProducer, RecordMetadata } from "kafkajs";
import net from "node:net";
import tls from "node:tls";
import type { Logger } from "../telemetry/log.ts";
import { makeKafka } from "./client.ts";
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
const KEEP_ALIVE_MS = 60_000;

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

class TrackedSockets {
  connected = 0;
  onLost: () => void = () => {};
  #open = new Set<net.Socket>();
  #isCut = false;

  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.#isCut) throw new Error("This producer was given up");
    const socket = ssl
      ? tls.connect({ host, port, ...(net.isIP(host) ? {} : { servername: host }), ...ssl })
      : net.connect({ host, port });
    this.#open.add(socket);
    let isConnected = false;
    socket.once(ssl ? "secureConnect" : "connect", () => {
      isConnected = true;
      this.connected++;
      onConnect();
    });
    socket.once("close", () => {
      this.#open.delete(socket);
      if (!isConnected) return;
      this.connected--;
      if (this.connected === 0) this.onLost();
    });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
    return socket;
  };

  cut(): void {
    this.#isCut = true;
    this.onLost = () => {};
    // With an error, because kafkajs rejects what waits only then.
    for (const socket of this.#open) socket.destroy(new Error("This producer was given up"));
  }
}
