/**
 * The board: bull-board over the flush queues, read-only, and `/status` for programs. It binds to
 * the loopback until there are passwords.
 */

import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { HonoAdapter } from "@bull-board/hono";
import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Queue } from "bullmq";
import { Hono } from "hono";
import type { Redis } from "ioredis";
import type { AddressInfo } from "node:net";
import type { PartitionKey } from "../core/ports.ts";
import { isLoopback } from "../loopback.ts";
import { queueName, queuePrefix } from "../stream/names.ts";

export interface BoardOptions {
  host: string;
  port: number;
  prefix: string;
  redis: Redis;
  partitions: PartitionKey[];
  /** What `/status` answers. */
  status: () => Promise<unknown>;
}

export interface Board {
  address: string;
  close(): Promise<void>;
}

const QUEUES_PATH = "/queues";

export async function startBoard(options: BoardOptions): Promise<Board> {
  const queues = options.partitions.map((key) => {
    const queue = new Queue(queueName(key), {
      connection: options.redis,
      prefix: queuePrefix(options.prefix),
    });
    // Told by the connection itself; without a listener it would end the process.
    queue.on("error", () => {});
    return queue;
  });
  const app = boardApp(queues, options.status);
  refuseForeignAddress(options.host);
  const server = serve({ fetch: app.fetch, hostname: options.host, port: options.port });
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://${options.host}:${port}`,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      });
      await Promise.allSettled(queues.map((queue) => queue.close()));
    },
  };
}

/** Nobody is asked for a password yet. */
function refuseForeignAddress(host: string): void {
  if (isLoopback(host)) return;
  throw new TypeError(
    `The board cannot bind to ${host}: without passwords it serves the loopback only; ` +
      "set MILLRACE_BOARD_HOST=127.0.0.1",
  );
}

function boardApp(queues: Queue[], status: () => Promise<unknown>): Hono {
  const app = new Hono();
  const adapter = new HonoAdapter(serveStatic);
  adapter.setBasePath(QUEUES_PATH);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    serverAdapter: adapter,
  });
  // Some of bull-board's routes change things in spite of readOnlyMode (hazards B10).
  app.use("*", async (context, next) => {
    if (context.req.method !== "GET" && context.req.method !== "HEAD") {
      return context.json({ error: "The board is read-only" }, 405, { Allow: "GET, HEAD" });
    }
    await next();
  });
  app.get("/", (context) => context.redirect(QUEUES_PATH));
  app.get("/livez", (context) => context.text("ok"));
  app.get("/readyz", (context) => context.text("ok"));
  app.get("/status", async (context) => context.json(await status()));
  app.route(QUEUES_PATH, adapter.registerPlugin());
  return app;
}
