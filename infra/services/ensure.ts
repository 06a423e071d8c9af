/**
 * Finds the services or starts them, in the order of the design: what the environment names, a
 * Docker engine, own processes. Whatever it returns has answered its protocol a moment ago.
 */

import { join } from "node:path";
import {
  type Addresses,
  checkNamed,
  missingFrom,
  namedByEnvironment,
  type ServiceName,
} from "./addresses.ts";
import { composeDown, composeUp, dockerAnswers } from "./docker.ts";
import { changeState, homeFolder, readState, replaceTakenPorts } from "./home.ts";
import { ensureJars } from "./kafka_jars.ts";
import type { LocalService } from "./local_service.ts";
import { localServices } from "./local_services.ts";
import { withLock } from "./lock.ts";
import { databaseUrl } from "./mariadb.ts";
import { ensurePrograms, type Program } from "./programs.ts";

export interface EnsureOptions {
  home?: string;
  log?: (line: string) => void;
}

export async function ensureServices(options: EnsureOptions = {}): Promise<Addresses> {
  const home = homeFolder(options.home);
  const log = options.log ?? (() => {});
  const named = namedByEnvironment();
  const missing = missingFrom(named);
  await checkNamed(named);
  if (missing.length > 0) {
    await withLock(lockFile(home), () => start(home, missing, log), log);
  }
  return { ...addressesOf(home, missing), ...named } as Addresses;
}

/** The addresses of what runs now, without starting anything; undefined if a part is missing. */
export async function runningAddresses(home?: string): Promise<Addresses | undefined> {
  const folder = homeFolder(home);
  const named = namedByEnvironment();
  const missing = missingFrom(named);
  const services = localServices(folder);
  try {
    await Promise.all(missing.map((name) => services[name].probe()));
  } catch {
    return undefined;
  }
  return { ...addressesOf(folder, missing), ...named } as Addresses;
}

export async function stopServices(options: EnsureOptions = {}): Promise<void> {
  const home = homeFolder(options.home);
  const log = options.log ?? (() => {});
  await withLock(lockFile(home), async () => {
    const running = Object.values(localServices(home)).filter((service) => service.running());
    await Promise.all(running.map(async (service) => {
      const start = Date.now();
      await service.stop();
      log(`${service.title} is down (${secondsSince(start)} s)`);
    }));
    if (readState(home).docker === true && await composeDown(home)) {
      changeState(home, (state) => state.docker = false);
    }
    if (running.length === 0) log("No own service was running");
  }, log);
}

async function start(home: string, names: ServiceName[], log: Log): Promise<void> {
  const services = localServices(home, log);
  const own = names.map((name) => services[name]);
  // What runs already decides: the same data must not appear in two places.
  const someRun = own.some((service) => service.running());
  if (!someRun && await dockerAnswers()) {
    if (await startInDocker(home, names, log)) return;
    log("Docker's engine answers, but compose.yaml did not come up; starting own services");
  }
  await install(names, own, log);
  await settled(own.map((service) => startOne(service, log)));
}

async function startInDocker(home: string, names: ServiceName[], log: Log): Promise<boolean> {
  log(`Starting ${names.join(", ")} in Docker…`);
  if (readState(home).docker === undefined) {
    await replaceTakenPorts(home, ["kafka", "redis", "mariadb"]);
  }
  const up = await composeUp(home, names);
  if (up) changeState(home, (state) => state.docker = true);
  return up;
}

/** One installation for all that is missing, while Maven fetches if Java and it are here. */
async function install(names: ServiceName[], own: LocalService[], log: Log): Promise<void> {
  if (own.every((service) => service.running())) return;
  const programs: Record<ServiceName, Program[]> = {
    kafka: ["java"],
    redis: ["redis-server"],
    mariadb: ["mariadbd", "mariadb-install-db", "my_print_defaults"],
  };
  await settled([
    ensurePrograms(names.flatMap((name) => programs[name]), log),
    ...(names.includes("kafka") ? [ensureJars(log)] : []),
  ]);
}

async function startOne(service: LocalService, log: Log): Promise<void> {
  const start = Date.now();
  const wasUp = service.running();
  if (!wasUp) log(`Starting ${service.title}…`);
  await service.start();
  if (!wasUp) {
    log(`${service.title} answers at ${bare(service.address())} (${secondsSince(start)} s)`);
  }
}

function addressesOf(home: string, names: ServiceName[]): Partial<Addresses> {
  if (names.length === 0) return {};
  const { kafka, redis } = localServices(home);
  return {
    kafkaBrokers: kafka.address(),
    redisUrl: redis.address(),
    databaseUrl: databaseUrl(home, "loader"),
    adminDatabaseUrl: databaseUrl(home, "admin"),
  };
}

/** Waits for all, also when one fails, so that nothing goes on behind an error message. */
async function settled(works: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Passwords have no place in a log. */
function bare(address: string): string {
  return address.replace(/\/\/[^@/]*@/, "//");
}

function secondsSince(start: number): string {
  return ((Date.now() - start) / 1_000).toFixed(1);
}

function lockFile(home: string): string {
  return join(home, "lock");
}

type Log = (line: string) => void;
