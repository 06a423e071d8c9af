/** Connections to Redis. Nothing in it is unique; a lost connection is told and tried again. */

import { Redis } from "ioredis";
import type { Logger } from "../telemetry/log.ts";

/** For commands that shall fail at once while Redis is away. */
export function openRedis(url: string, log: Logger): Redis {
  return listen(new Redis(url, { maxRetriesPerRequest: 1, enableOfflineQueue: false }), log);
}

/** For workers and subscribers, which wait until Redis is back. */
export function openWaitingRedis(url: string, log: Logger): Redis {
  return listen(new Redis(url, { maxRetriesPerRequest: null }), log);
}

/** One line an outage, not one a try. */
function listen(redis: Redis, log: Logger): Redis {
  let away = false;
  redis.on("error", (error: Error) => {
    if (away) return;
    away = true;
    log.warn({ error: error.message }, "Redis is away");
  });
  redis.on("ready", () => {
    if (away) log.info({}, "Redis is back");
    away = false;
  });
  return redis;
}
