/**
 * `millrace doctor`: versions and settings of the services, topics and tables beside what the
 * streams declare. Each finding says what to change; exit 3 where something would lose or stop.
 */

import process from "node:process";
import type { Config } from "../config.ts";
import { openRedis } from "../flush/redis.ts";
import { topicSettings } from "../kafka/topics.ts";
import type { Stream } from "../stream/mod.ts";
import { deadLetterTopicName, topicName } from "../stream/names.ts";
import { createLogger } from "../telemetry/log.ts";
import { openDatabase } from "../writer/database.ts";
import { checkTable, type Finding } from "../writer/inspect.ts";
import { readSettings } from "./settings.ts";

const PACKET_BYTES_MIN = 4_194_304;
const EXIT_BREACH = 3;

export async function runDoctor(streams: Stream[], json: boolean): Promise<void> {
  const config = await readSettings();
  const findings = (await Promise.all([
    settle("redis", () => checkRedis(config)),
    settle("kafka", () => checkTopics(config, streams)),
    settle("mariadb", () => checkMariaDb(config, streams)),
  ])).flat();
  for (const finding of findings) {
    const { level, subject, message } = finding;
    console.log(json ? JSON.stringify(finding) : `${level.padEnd(4)}  ${subject}: ${message}`);
  }
  if (findings.some(({ level }) => level === "bad")) process.exitCode = EXIT_BREACH;
}

async function settle(subject: string, check: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    return [{ level: "bad", subject, message: (error as Error).message }];
  }
}

async function checkRedis(config: Config): Promise<Finding[]> {
  const redis = openRedis(config.redisUrl, createLogger("doctor"));
  try {
    await new Promise<void>((resolve, reject) => {
      redis.once("ready", () => resolve());
      redis.once("error", reject);
    });
    const info = await redis.info("server");
    const version = /redis_version:(\S+)/.exec(info)?.[1] ?? "unknown";
    const [, policy] = await redis.config("GET", "maxmemory-policy") as string[];
    return [
      { level: "ok", subject: "redis", message: `version ${version}` },
      policy === "noeviction"
        ? { level: "ok", subject: "redis", message: "maxmemory-policy is noeviction" }
        : {
          level: "bad",
          subject: "redis",
          message: `maxmemory-policy is ${policy}; set it to noeviction, or jobs vanish`,
        },
    ];
  } finally {
    redis.disconnect();
  }
}

async function checkTopics(config: Config, streams: Stream[]): Promise<Finding[]> {
  const names = streams.flatMap((stream) => [
    topicName(config.prefix, stream),
    deadLetterTopicName(config.prefix, stream),
  ]);
  const settings = await topicSettings(config.kafkaBrokers, names, createLogger("doctor"));
  return streams.map((stream): Finding => {
    const topic = topicName(config.prefix, stream);
    const actual = settings.get(topic);
    const subject = `topic ${topic}`;
    if (!actual || Object.keys(actual).length === 0) {
      return { level: "bad", subject, message: "it does not exist; run millrace topics" };
    }
    const { retentionHours, minInsyncReplicas } = stream.topic;
    const differences = [
      ["retention.ms", String(retentionHours * 3_600_000)],
      ["min.insync.replicas", String(minInsyncReplicas)],
    ].filter(([name, declared]) => actual[name!] !== declared)
      .map(([name, declared]) => `${name} is ${actual[name!]}, declared ${declared}`);
    return differences.length === 0
      ? { level: "ok", subject, message: "as declared" }
      : { level: "warn", subject, message: `${differences.join("; ")}; alter one of them` };
  });
}

async function checkMariaDb(config: Config, streams: Stream[]): Promise<Finding[]> {
  const database = openDatabase(config.databaseUrl, 1);
  try {
    const [server] = await database.transaction((tx) =>
      tx.select(
        "SELECT VERSION() AS version, @@max_allowed_packet AS packet, " +
          "@@innodb_flush_log_at_trx_commit AS flush_log",
      )
    );
    const { version, packet, flush_log } = server as Record<string, string>;
    const findings: Finding[] = [{
      level: "ok",
      subject: "mariadb",
      message: `version ${version}`,
    }];
    findings.push(
      Number(packet) >= PACKET_BYTES_MIN
        ? { level: "ok", subject: "mariadb", message: `max_allowed_packet is ${packet}` }
        : {
          level: "warn",
          subject: "mariadb",
          message: `max_allowed_packet is ${packet}; raise it to ${PACKET_BYTES_MIN} or more`,
        },
      Number(flush_log) === 1
        ? { level: "ok", subject: "mariadb", message: "commits are flushed" }
        : {
          level: "warn",
          subject: "mariadb",
          message: `innodb_flush_log_at_trx_commit is ${flush_log}: a power cut loses commits`,
        },
    );
    for (const stream of streams) {
      for (const sink of stream.sinks) findings.push(await checkTable(database, sink.table));
    }
    return findings;
  } finally {
    await database.close();
  }
}
