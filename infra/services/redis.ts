/**
 * A Redis for the queues. It keeps nothing on disk, as nothing in it is unique, and evicts nothing:
 * BullMQ loses jobs under any other policy.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { readState } from "./home.ts";
import { LocalService } from "./local_service.ts";
import { ensurePrograms, programPath } from "./programs.ts";
import { probeRedis } from "./probes.ts";

export function redisService(home: string, log: (line: string) => void): LocalService {
  const folder = join(home, "redis");
  const port = () => readState(home).ports.redis;
  const address = () => `redis://127.0.0.1:${port()}`;
  return new LocalService(home, {
    name: "redis",
    title: "Redis",
    ports: ["redis"],
    startMsMax: 10_000,
    stopMsMax: 10_000,
    address,
    probe: () => probeRedis(address()),
    async prepare() {
      await ensurePrograms(["redis-server"], log);
      mkdirSync(folder, { recursive: true });
    },
    command() {
      const settings = {
        port: port(),
        bind: "127.0.0.1",
        dir: folder,
        save: "",
        appendonly: "no",
        "maxmemory-policy": "noeviction",
        daemonize: "no",
      };
      const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
      return Promise.resolve({ file: programPath("redis-server"), args });
    },
  });
}
