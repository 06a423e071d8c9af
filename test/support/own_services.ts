/** A set of services of its own for tests that stop them, in a home beside the run's. */

import { fileURLToPath } from "node:url";
import { ensureServices } from "../../infra/services/ensure.ts";
import { type LocalServices, localServices } from "../../infra/services/local_services.ts";
import process from "node:process";

export interface OwnServices extends LocalServices {
  /** By environment name. */
  addresses: Record<string, string>;
  stop(): Promise<void>;
}

const NAMES = ["KAFKA_BROKERS", "REDIS_URL", "DATABASE_URL"];

export async function ownServices(): Promise<OwnServices> {
  const home = fileURLToPath(new URL("../../.millrace/test-services", import.meta.url));
  // The run's own addresses are in the environment and would be taken for these.
  const named = NAMES.map((name) => [name, process.env[name]] as const);
  for (const name of NAMES) delete process.env[name];
  try {
    const found = await ensureServices({ home });
    const services = localServices(home);
    return {
      ...services,
      addresses: {
        KAFKA_BROKERS: found.kafkaBrokers,
        REDIS_URL: found.redisUrl,
        DATABASE_URL: found.databaseUrl,
        MILLRACE_ADMIN_DATABASE_URL: found.adminDatabaseUrl,
      },
      async stop() {
        await Promise.all([services.kafka, services.redis, services.mariadb].map((s) => s.stop()));
      },
    };
  } finally {
    for (const [name, value] of named) if (value !== undefined) process.env[name] = value;
  }
}
