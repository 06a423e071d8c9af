/**
 * The edge as a process part: its HTTP server, one producer a stream, and how both begin and end.
 * It comes up without Kafka and answers 503 until Kafka is there; it needs nothing else.
 */

import { getRequestListener } from "@hono/node-server";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Config } from "../config.ts";
import { Producer } from "../kafka/producer.ts";
import { openSender } from "../kafka/sender.ts";
import { isLoopback } from "../loopback.ts";
import type { Stream } from "../stream/define.ts";
import { topicName } from "../stream/names.ts";
import type { Logger } from "../telemetry/log.ts";
import { Admission } from "./admission.ts";
import { edgeApp } from "./app.ts";
import { problem, problemResponse } from "./problem.ts";

export interface EdgeOptions {
  config: Pick<Config, "kafkaBrokers" | "prefix" | "edge" | "drainDeadlineMs">;
  streams: Stream[];
  logger: Logger;
}

export interface Edge {
  start(): Promise<{ host: string; port: number }>;
  /** Accepts no more, finishes what is in flight, and lets go of everything. */
  stop(): Promise<void>;
}

const HEADER_BYTES_MAX = 16_384;
const HEADERS_DEADLINE_MS = 10_000;
const CONNECTIONS_MAX = 4_096;
const KEEP_ALIVE_MS = 30_000;
const CHECK_EVERY_MS = 500;
/** A URL would resolve these to another path; such a path is nobody's. */
const REWRITTEN = /^[^?]*(?:%2e|%2f|%5c|\\|\/\.)/i;
const NOWHERE = "/";
/** The body's own deadline answers first; the server's is the last resort. */
const REQUEST_GRACE_MS = 2_000;

export function createEdge({ config, streams, logger }: EdgeOptions): Edge {
  const { edge: limits, drainDeadlineMs } = config;
  const producers = new Map(streams.map((stream) => {
    const topic = topicName(config.prefix, stream);
    const open = () => openSender({ brokers: config.kafkaBrokers, topic, logger });
    return [stream, new Producer({ topic, logger, open })];
  }));
  const waitingBytes = () => sum([...producers.values()].map((one) => one.bytesInFlight));
  const admission = new Admission(limits.bytesInFlightMax, waitingBytes);
  let draining = false;
  const responses = new OpenResponses();

  const unreadyReason = (): string | null => {
    if (draining) return "draining";
    if (admission.isFull) return "bytes in flight at their bound";
    for (const [stream, { health }] of producers) {
      if (!health.connected) return `no connection to Kafka for stream ${stream.name}`;
      if (health.stuckMs > limits.deadlineMs) return `stream ${stream.name} waits for Kafka`;
    }
    return null;
  };
  const app = edgeApp({
    streams,
    limits,
    admission,
    logger,
    unreadyReason,
    isDraining: () => draining,
    produce: (stream, records) => producers.get(stream)!.produce(records, limits.deadlineMs),
  });
  const server = makeServer((request) => app.fetch(request), responses, limits.bodyDeadlineMs);

  return {
    async start() {
      refuseOpenAddress(limits.host);
      const address = await listen(server, limits.host, limits.port);
      for (const producer of producers.values()) producer.start();
      return address;
    },
    async stop() {
      draining = true;
      const deadline = performance.now() + drainDeadlineMs;
      const left = () => Math.max(0, deadline - performance.now());
      server.close();
      server.closeIdleConnections();
      await responses.ended(left());
      await Promise.all([...producers.values()].map((producer) => producer.stop(left())));
      server.closeAllConnections();
    },
  };
}

function makeServer(
  fetch: (request: Request) => Response | Promise<Response>,
  responses: OpenResponses,
  bodyDeadlineMs: number,
): Server {
  const requestTimeout = bodyDeadlineMs + REQUEST_GRACE_MS;
  const answer = getRequestListener(fetch, {
    errorHandler: () =>
      problemResponse(problem("invalid_request"), { headers: { Connection: "close" } }),
  });
  const server = createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: Math.min(HEADERS_DEADLINE_MS, requestTimeout),
    requestTimeout,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
  }, (incoming, outgoing) => {
    responses.add(outgoing);
    if (REWRITTEN.test(incoming.url ?? "")) incoming.url = NOWHERE;
    void answer(incoming, outgoing);
  });
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

function listen(
  server: Server,
  host: string,
  port: number,
): Promise<{ host: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const { address, port } = server.address() as AddressInfo;
      resolve({ host: address, port });
    });
  });
}

/** @throws Error */
function refuseOpenAddress(host: string): void {
  if (isLoopback(host)) return;
  throw new Error(
    `Cannot bind the edge to ${host}: it has no keys yet, so only this machine may reach it; ` +
      "set MILLRACE_EDGE_HOST to 127.0.0.1",
  );
}

/** Responses that have not been written to their end. */
class OpenResponses {
  #count = 0;
  #onEnded: () => void = () => {};

  add(response: ServerResponse): void {
    this.#count++;
    response.once("close", () => {
      if (--this.#count === 0) this.#onEnded();
    });
  }

  async ended(deadlineMs: number): Promise<void> {
    if (this.#count === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#onEnded = resolve;
      timer = setTimeout(resolve, deadlineMs);
    });
    clearTimeout(timer);
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
