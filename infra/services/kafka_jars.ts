/**
 * Kafka's own jars, fetched by Maven as infra/kafka/pom.xml names them, into a cache folder whose
 * name holds the pom's hash: another version is another folder.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { failure } from "./failure.ts";
import { cacheFolder, projectRoot } from "./home.ts";
import { withLock } from "./lock.ts";
import { ensurePrograms, programPath } from "./programs.ts";
import { runLogged } from "./run_logged.ts";

type Log = (line: string) => void;

export const kafkaFolder: string = join(projectRoot, "infra", "kafka");

export function classPath(): string {
  const folder = jarFolder();
  // In a fixed order and named one by one: a wildcard leaves the order to the file system.
  return readdirSync(folder).sort().map((jar) => join(folder, jar)).join(delimiter);
}

export async function ensureJars(log: Log): Promise<void> {
  await ensurePrograms(["java"], log);
  if (existsSync(jarFolder())) return;
  await ensurePrograms(["mvn"], log);
  await withLock(join(cacheFolder(), "kafka.lock"), async () => {
    if (!existsSync(jarFolder())) await fetchJars(log);
  }, log);
}

async function fetchJars(log: Log): Promise<void> {
  const draft = `${jarFolder()}.new`;
  const logFile = join(cacheFolder(), "maven.log");
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  const fetched = await runLogged(programPath("mvn"), [
    "--batch-mode",
    "--quiet",
    `--file=${join(kafkaFolder, "pom.xml")}`,
    "dependency:copy-dependencies",
    `-DoutputDirectory=${draft}`,
  ], { title: "Fetching Kafka's jars with Maven", logFile, log });
  if (!fetched) {
    throw failure(
      "Cannot fetch Kafka's jars with Maven: let this machine reach Maven Central or a mirror " +
        "that Maven's settings name, or name running brokers in KAFKA_BROKERS",
      logFile,
    );
  }
  renameSync(draft, jarFolder());
}

function jarFolder(): string {
  const pom = readFileSync(join(kafkaFolder, "pom.xml"));
  const hash = createHash("sha256").update(pom).digest("hex").slice(0, 12);
  return join(cacheFolder(), `kafka-${hash}`);
}
