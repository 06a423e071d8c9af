/**
 * A Kafka of one node, broker and KRaft controller in one JVM, with settings for a small machine
 * and a quick start. Topics are made by `millrace topics` only, never by use.
 */

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { failure } from "./failure.ts";
import { readState } from "./home.ts";
import { classPath, ensureJars, kafkaFolder } from "./kafka_jars.ts";
import { LocalService } from "./local_service.ts";
import { programPath } from "./programs.ts";
import { probeKafka } from "./probes.ts";
import { runLogged } from "./run_logged.ts";

type Log = (line: string) => void;

/** The first compiler tier and the plain collector halve the time to the first answer. */
const jvmOptions = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];

export function kafkaService(home: string, log: Log): LocalService {
  const folder = join(home, "kafka");
  const settingsFile = join(folder, "server.properties");
  const address = () => `127.0.0.1:${readState(home).ports.kafka}`;
  return new LocalService(home, {
    name: "kafka",
    title: "Kafka",
    ports: ["kafka", "kafkaController"],
    startMsMax: 60_000,
    stopMsMax: 20_000,
    address,
    probe: () => probeKafka(address()),
    async prepare() {
      await ensureJars(log);
      mkdirSync(folder, { recursive: true });
      writeFileSync(settingsFile, settings(home, folder));
      if (!existsSync(join(folder, "data", "meta.properties"))) await format(home, log);
    },
    command() {
      const logging = `-Dlog4j2.configurationFile=${join(kafkaFolder, "log4j2.properties")}`;
      const heap = ["-Xms256m", "-Xmx512m"];
      const main = ["-cp", classPath(), "kafka.Kafka", settingsFile];
      const args = [...jvmOptions, ...heap, logging, ...main];
      return Promise.resolve({ file: programPath("java"), args });
    },
  });
}

async function format(home: string, log: Log): Promise<void> {
  const logFile = join(home, "logs", "kafka-format.log");
  const clusterId = randomBytes(16).toString("base64url");
  const main = ["-cp", classPath(), "kafka.tools.StorageTool", "format"];
  const args = [...main, "-t", clusterId, "-c", join(home, "kafka", "server.properties")];
  const title = "Making Kafka's data folder";
  const made = await runLogged(programPath("java"), [...jvmOptions, ...args], {
    title,
    logFile,
    log,
  });
  if (!made) throw failure(`Cannot make Kafka's data folder in ${home}; see its log`, logFile);
}

function settings(home: string, folder: string): string {
  const { kafka, kafkaController } = readState(home).ports;
  return Object.entries({
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${kafkaController}`,
    "controller.listener.names": "CONTROLLER",
    "listeners": `PLAINTEXT://127.0.0.1:${kafka},CONTROLLER://127.0.0.1:${kafkaController}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${kafka}`,
    "log.dirs": join(folder, "data"),
    // The controller refuses a broker that was killed until its old session ends: keep that short.
    "broker.heartbeat.interval.ms": 500,
    "broker.session.timeout.ms": 3_000,
    "auto.create.topics.enable": false,
    "message.max.bytes": 1_048_588,
    "min.insync.replicas": 1,
    "offsets.topic.num.partitions": 5,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 5,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    // Waiting for more members only costs time where one process starts after the other.
    "group.initial.rebalance.delay.ms": 0,
    // Retention and deletion take effect within seconds, so that tests can watch them.
    "log.retention.check.interval.ms": 10_000,
    "log.initial.task.delay.ms": 1_000,
    "log.segment.delete.delay.ms": 5_000,
    "log.cleaner.dedupe.buffer.size": 16_777_216,
  }).map(([name, value]) => `${name}=${value}\n`).join("");
}
