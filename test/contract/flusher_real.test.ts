/** BullMQ on a real Redis, with writers in this process. */

import { randomBytes } from "node:crypto";
import process from "node:process";
import { Redis } from "ioredis";
import type { Sink } from "../../src/core/ports.ts";
import { BullFlusher } from "../../src/flush/flusher.ts";
import { type FlushWorkers, startFlushWorkers } from "../../src/flush/workers.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { until } from "../support/installation.ts";
import { describeFlusher, type FlusherBench } from "./flusher_suite.ts";

const log = createLogger("test");
const redisUrl = process.env.REDIS_URL!;
const keys = [0, 1].map((partition) => ({ stream: "contract", sink: "table", partition }));

describeFlusher("of BullMQ", async (): Promise<FlusherBench> => {
  const prefix = `t${randomBytes(5).toString("hex")}_`;
  const redis = new Redis(redisUrl);
  const flusher = new BullFlusher({ redisUrl, prefix, owner: "actor", log });
  const crashes: Error[] = [];
  let workers: FlushWorkers | null = null;
  await subscribed(redis, `${prefix}millrace:answers:actor`);
  // Until it is connected every command fails at once.
  await until("Redis", 5_000, () => flusher.ask([{ ...keys[0]!, id: "none" }]));
  return {
    flusher,
    startWriter(sink: Sink) {
      workers = startFlushWorkers(keys.map((key) => ({ key, sink })), {
        redisUrl,
        prefix,
        log,
        concurrency: 2,
        crash: (error) => void crashes.push(error),
      });
      return Promise.resolve();
    },
    wipe: () => removeKeys(redis, `${prefix}*`),
    async close() {
      await workers?.close(5_000);
      await flusher.close();
      await removeKeys(redis, `${prefix}*`);
      redis.disconnect();
      if (crashes.length > 0) throw crashes[0];
    },
  };
});

/** What is published before the subscription stands reaches nobody. */
async function subscribed(redis: Redis, channel: string): Promise<void> {
  await until(
    "the subscription",
    5_000,
    async () => Number((await redis.pubsub("NUMSUB", channel))[1]) > 0,
  );
}

/** At once, as FLUSHALL does it: no command of a worker falls between. */
async function removeKeys(redis: Redis, pattern: string): Promise<void> {
  const all = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end";
  await redis.eval(all, 0, pattern);
}
