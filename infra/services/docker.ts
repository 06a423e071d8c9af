/**
 * The services in a Docker engine, from infra/compose.yaml, where one answers. Each home is a
 * compose project of its own, on the ports of its state file.
 */

import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ServiceName } from "./addresses.ts";
import { projectRoot, readState } from "./home.ts";

const run = promisify(execFile);

/** True if an engine and its compose plugin answer at once; a hanging engine counts as none. */
export async function dockerAnswers(): Promise<boolean> {
  const options = { timeout: 3_000 };
  try {
    await run("docker", ["info", "--format", "{{.ServerVersion}}"], options);
    await run("docker", ["compose", "version"], options);
    return true;
  } catch {
    return false;
  }
}

export function composeUp(home: string, names: ServiceName[]): Promise<boolean> {
  return compose(home, ["up", "--detach", "--wait", "--wait-timeout", "180", ...names]);
}

/** The volumes stay: down ends the services and keeps their data, as with own services. */
export function composeDown(home: string): Promise<boolean> {
  return compose(home, ["down"]);
}

function compose(home: string, args: string[]): Promise<boolean> {
  const { ports, passwords } = readState(home);
  const id = createHash("sha256").update(home).digest("hex").slice(0, 8);
  const file = join(projectRoot, "infra", "compose.yaml");
  return new Promise((resolve) => {
    // Compose draws its own progress; it goes to stderr, because stdout belongs to data.
    const child = spawn("docker", ["compose", "-p", `millrace-${id}`, "-f", file, ...args], {
      stdio: ["ignore", 2, 2],
      env: {
        ...process.env,
        MILLRACE_KAFKA_PORT: String(ports.kafka),
        MILLRACE_REDIS_PORT: String(ports.redis),
        MILLRACE_MARIADB_PORT: String(ports.mariadb),
        MILLRACE_ADMIN_PASSWORD: passwords.admin,
        MILLRACE_LOADER_PASSWORD: passwords.loader,
      },
    });
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}
