/** Where the services answer, and which of them the environment names. */

import { failure, messageOf } from "./failure.ts";
import { probeMariadb, probeOpenPort, probeRedis } from "./probes.ts";

export interface Addresses {
  kafkaBrokers: string;
  redisUrl: string;
  /** For the roles: reads and writes rows. */
  databaseUrl: string;
  /** For `migrate` and for tests that make databases of their own. */
  adminDatabaseUrl: string;
}

export type ServiceName = "kafka" | "redis" | "mariadb";

export const variables = {
  kafkaBrokers: "KAFKA_BROKERS",
  redisUrl: "REDIS_URL",
  databaseUrl: "DATABASE_URL",
  adminDatabaseUrl: "MILLRACE_ADMIN_DATABASE_URL",
} as const satisfies Record<keyof Addresses, string>;

/** Without an admin address the one database user has to do for both. */
export function namedByEnvironment(): Partial<Addresses> {
  const { KAFKA_BROKERS, REDIS_URL, DATABASE_URL } = process.env;
  const admin = process.env[variables.adminDatabaseUrl] || DATABASE_URL;
  return {
    ...(KAFKA_BROKERS ? { kafkaBrokers: KAFKA_BROKERS } : {}),
    ...(REDIS_URL ? { redisUrl: REDIS_URL } : {}),
    ...(DATABASE_URL && admin ? { databaseUrl: DATABASE_URL, adminDatabaseUrl: admin } : {}),
  };
}

export function missingFrom(named: Partial<Addresses>): ServiceName[] {
  const missing: ServiceName[] = [];
  if (named.kafkaBrokers === undefined) missing.push("kafka");
  if (named.redisUrl === undefined) missing.push("redis");
  if (named.databaseUrl === undefined) missing.push("mariadb");
  return missing;
}

/** A wrong address shows here, with its variable's name, not as a role that is never ready. */
export async function checkNamed(named: Partial<Addresses>): Promise<void> {
  const check = async (variable: string, probe: Promise<void> | undefined) => {
    try {
      await probe;
    } catch (error) {
      throw failure(
        `${variable} names a server that does not answer (${messageOf(error)}): start it, ` +
          `correct ${variable}, or unset it to let Millrace start one`,
      );
    }
  };
  const { kafkaBrokers, redisUrl, databaseUrl } = named;
  await Promise.all([
    check(variables.kafkaBrokers, kafkaBrokers && probeOpenPort(kafkaBrokers) || undefined),
    check(variables.redisUrl, redisUrl && probeRedis(redisUrl) || undefined),
    check(variables.databaseUrl, databaseUrl && probeMariadb(databaseUrl) || undefined),
  ]);
}
