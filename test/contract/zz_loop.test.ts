import { randomBytes } from "node:crypto";
import process from "node:process";
import { Redis } from "ioredis";
import { test } from "vitest";
import { BullFlusher } from "../../src/flush/flusher.ts";
import { startFlushWorkers } from "../../src/flush/workers.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { job, record } from "../support/jobs.ts";
import { until } from "../support/installation.ts";
const log = createLogger("test");
const redisUrl = process.env.REDIS_URL!;
const atomic = process.env.ATOMIC === "1";
test("loop", { timeout: 100_000 }, async () => {
  const end = Date.now() + 45_000;
  let n = 0, bad = 0;
  const one = async (i: number) => {
    const prefix = `t${randomBytes(5).toString("hex")}_`;
    const redis = new Redis(redisUrl);
    const flusher = new BullFlusher({ redisUrl, prefix, owner: "actor", log });
    const key = { stream: "contract", sink: "table", partition: 0 };
    await until(
      "x",
      5000,
      async () => Number((await redis.pubsub("NUMSUB", `${prefix}millrace:answers:actor`))[1]) > 0,
    );
    await until("Redis", 5_000, () => flusher.ask([{ ...key, id: "none" }]));
    const answered = new Set<string>();
    flusher.onAnswer((id) => answered.add(id));
    const settled: string[] = [];
    const w = startFlushWorkers([{
      key,
      sink: {
        settle: (j) => {
          settled.push(j.id);
          return Promise.resolve({
            epoch: j.epoch,
            topicId: j.topicId,
            next: j.next,
            state: "run" as const,
            reason: null,
          });
        },
      },
    }], { redisUrl, prefix, log, concurrency: 2, crash: (e) => console.log("crash", e) });
    if (i % 2) await new Promise((r) => setTimeout(r, 20));
    const a = job({ ...key, epoch: "1", records: [record(1, {})] }),
      b = job({ ...key, epoch: "1", records: [record(2, {})] });
    await flusher.submit(a);
    if (i % 3 === 0) await new Promise((r) => setTimeout(r, Math.random() * 3));
    if (atomic) {
      await redis.eval(
        "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end",
        0,
        `${prefix}*`,
      );
    } else {
      const f = await redis.keys(`${prefix}*`);
      if (f.length) await redis.del(...f);
    }
    await flusher.submit(b);
    const t0 = Date.now();
    while (!answered.has(b.id) && Date.now() - t0 < 20_000) {
      await new Promise((r) => setTimeout(r, 10));
      if (Date.now() - t0 > 3000 && Date.now() - t0 < 3011) {
        const k = `${prefix}millrace:contract.table.0`;
        console.log(
          "LATE",
          JSON.stringify({
            settled,
            a: a.id,
            b: b.id,
            st: await flusher.ask([a, b]),
            keys: await redis.keys(`${prefix}*`),
            active: await redis.lrange(`${k}:active`, 0, -1).catch(String),
            wait: await redis.lrange(`${k}:wait`, 0, -1),
            meta: await redis.hgetall(`${k}:meta`),
          }),
        );
      }
    }
    const ms = Date.now() - t0;
    if (ms > 2000) {
      bad++;
      console.log("slow", ms, answered.has(b.id), JSON.stringify({ st: await flusher.ask([b]) }));
    }
    n++;
    await w.close(2000);
    await flusher.close();
    await redis.eval(
      "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end",
      0,
      `${prefix}*`,
    );
    redis.disconnect();
  };
  let i = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (Date.now() < end) await one(i++);
  }));
  console.log("RUNS", n, "BAD", bad, atomic);
});
