/**
 * The services that Millrace needs: Kafka, Redis, MariaDB. `up` finds or starts them, `down` ends
 * those that `up` started, `env` prints their addresses for `eval`. Other code imports
 * ensureServices, and tests that break a service import localServices.
 */

import { realpathSync } from "node:fs";
import process from "node:process";
import { type Addresses, variables } from "./services/addresses.ts";
import { ensureServices, runningAddresses, stopServices } from "./services/ensure.ts";
import { ServiceError } from "./services/failure.ts";

export type { Addresses } from "./services/addresses.ts";
export { ensureServices, runningAddresses, stopServices } from "./services/ensure.ts";
export type { EnsureOptions } from "./services/ensure.ts";
export { ServiceError } from "./services/failure.ts";
export type { LocalService } from "./services/local_service.ts";
export { localServices } from "./services/local_services.ts";
export type { LocalServices } from "./services/local_services.ts";

const usage = "Usage: services up | down | env";

async function main(verb: string | undefined): Promise<number> {
  const log = (line: string) => console.error(line);
  switch (verb) {
    case "up":
      await ensureServices({ log });
      log("Kafka, Redis and MariaDB are up");
      return 0;
    case "down":
      await stopServices({ log });
      return 0;
    case "env": {
      const addresses = await runningAddresses();
      if (addresses !== undefined) return printExports(addresses);
      log("The services are not up; run `npm run services -- up` first");
      return 1;
    }
    default:
      log(usage);
      return verb === "help" || verb === "--help" ? 0 : 2;
  }
}

function printExports(addresses: Addresses): number {
  for (const [key, variable] of Object.entries(variables)) {
    const value = addresses[key as keyof Addresses];
    console.log(`export ${variable}='${value.replaceAll("'", "'\\''")}'`);
  }
  return 0;
}

// Node before 24.2 does not know import.meta.main.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  try {
    process.exit(await main(process.argv[2]));
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
