/**
 * Where the verbs find things: the environment, and where it says nothing the project's own
 * services, so that a verb works beside `npm start` without any variable.
 */

import process from "node:process";
import { streams } from "../../streams/mod.ts";
import { type Config, readConfig } from "../config.ts";
import type { Stream } from "../stream/mod.ts";
import { CliError, EXIT } from "./output.ts";

export async function readSettings(): Promise<Config> {
  const { KAFKA_BROKERS, REDIS_URL, DATABASE_URL } = process.env;
  if (!KAFKA_BROKERS || !REDIS_URL || !DATABASE_URL) {
    const { runningAddresses } = await import("../../infra/services/ensure.ts");
    const found = await runningAddresses();
    if (found) {
      process.env.KAFKA_BROKERS ||= found.kafkaBrokers;
      process.env.REDIS_URL ||= found.redisUrl;
      process.env.DATABASE_URL ||= found.databaseUrl;
      process.env.MILLRACE_ADMIN_DATABASE_URL ||= found.adminDatabaseUrl;
    }
  }
  return readConfig();
}

/** @throws CliError naming the streams there are. */
export function streamNamed(name: string): Stream {
  const stream = streams.find((stream) => stream.name === name);
  if (stream) return stream;
  const names = streams.map((stream) => stream.name).join(", ");
  throw new CliError(`There is no stream "${name}"; there are ${names}`, EXIT.usage);
}

/** The endpoint of a stream; sending needs no other setting. */
export function endpointOf(stream: Stream, edge: string | undefined): string {
  const { MILLRACE_EDGE_HOST, MILLRACE_EDGE_PORT } = process.env;
  const host = MILLRACE_EDGE_HOST || "127.0.0.1";
  const shown = host.includes(":") ? `[${host}]` : host;
  const base = edge ?? `http://${shown}:${MILLRACE_EDGE_PORT || "8080"}`;
  try {
    return new URL(`/v1/streams/${stream.name}`, base).href;
  } catch {
    throw new CliError(`The edge's address "${base}" is no URL`, EXIT.usage);
  }
}
