/**
 * `npm start`: the services, the topics and tables, every role on this machine, until Ctrl-C.
 */

import process from "node:process";
import { Command, InvalidArgumentError } from "commander";
import { ensureServices } from "../infra/services/ensure.ts";
import { streams } from "../streams/mod.ts";
import { Roles } from "./all.ts";
import { createLogger } from "../src/telemetry/log.ts";
import { prepare } from "../src/cli/prepare.ts";

/** Roles drain within their own deadline; this one is for what does not end by itself. */
const STOP_DEADLINE_MS = 27_000;

const count = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 64) {
    throw new InvalidArgumentError("It must be a whole number from 1 to 64.");
  }
  return number;
};

const options = new Command("millrace start")
  .option("--actors <n>", "actor processes", count, 1)
  .option("--writers <n>", "writer processes", count, 1)
  .option("--edges <n>", "edge processes", count, 1)
  .parse()
  .opts<{ actors: number; writers: number; edges: number }>();

const say = (line: string) => process.stderr.write(`${line}\n`);
// Before the roles run there is nothing to drain.
let stop: () => void = () => process.exit(0);
process.on("SIGINT", () => stop());
process.on("SIGTERM", () => stop());

try {
  const addresses = await ensureServices({ log: say });
  process.env.KAFKA_BROKERS = addresses.kafkaBrokers;
  process.env.REDIS_URL = addresses.redisUrl;
  process.env.DATABASE_URL = addresses.databaseUrl;
  process.env.MILLRACE_ADMIN_DATABASE_URL ??= addresses.adminDatabaseUrl;
  await prepare(streams, createLogger("start"), say);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}

const roles = new Roles(options);
stop = () => {
  say("Draining…");
  stop = () => {};
  roles.stop(STOP_DEADLINE_MS).then((well) => process.exit(well ? 0 : 1));
};
const [edge, board] = await Promise.all([roles.address("edge"), roles.address("board")]);
console.log(`Millrace runs. Ctrl-C drains and ends it.
  edge   ${edge}/v1/streams/{${streams.map((stream) => stream.name).join("|")}}
  board  ${board}/queues`);
