/**
 * Ports of the loopback. They are taken below the range that systems hand out for outgoing
 * connections, so a service that was down for a while still finds its port free.
 */

import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const FIRST = 20_000;
const LAST = 32_000;

/** Drawn at random, so that two homes do not meet; whether it is free shows at the first start. */
export function randomPort(): number {
  return randomInt(FIRST, LAST);
}

export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomPort();
    if (await isFree(port)) return port;
  }
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
