/** The verbs that prepare an installation and move its partitions. */

import type { Command } from "commander";
import { userInfo } from "node:os";
import { streams } from "../../streams/mod.ts";
import type { Checkpoint, LogBounds, PartitionKey } from "../core/ports.ts";
import { makeKafka } from "../kafka/client.ts";
import { topicReader } from "../kafka/topic_reader.ts";
import { topicName } from "../stream/names.ts";
import { createLogger } from "../telemetry/log.ts";
import { type Database, openDatabase } from "../writer/database.ts";
import { type Act, adopt, pause, readStatus, resume, skip } from "../writer/operate.ts";
import { runDoctor } from "./doctor.ts";
import { prepareTables, prepareTopics } from "./prepare.ts";
import { readSettings, streamNamed } from "./settings.ts";
import { showStatus } from "./status.ts";

interface Selection {
  partition?: string;
  sink?: string;
  reason: string;
  to?: string;
}

const say = (line: string) => process.stderr.write(`${line}\n`);

export function registerOperate(program: Command): void {
  program.command("topics")
    .description("make the topics that are missing; existing ones are not altered")
    .action(() => prepareTopics(streams, createLogger("topics"), say));
  program.command("migrate")
    .description("make or update the tables, and the checkpoint rows that are missing")
    .action(() => prepareTables(streams, createLogger("migrate"), say));
  program.command("status")
    .description("where every partition stands")
    .option("--json", "one line of JSON a partition")
    .action((options: { json?: boolean }) => showStatus(streams, options.json === true));
  program.command("doctor")
    .description("compare services, topics and tables with what the streams declare")
    .option("--json", "one line of JSON a finding")
    .action((options: { json?: boolean }) => runDoctor(streams, options.json === true));

  partitionVerb(program, "pause", "stop after the batch in flight, until resume")
    .action((name: string, selection: Selection) =>
      move(name, selection, ({ database, key, act }) => pause(database, key, act))
    );
  partitionVerb(program, "resume", "go on where it stopped")
    .action((name: string, selection: Selection) =>
      move(name, selection, ({ database, key, act }) => resume(database, key, act))
    );
  partitionVerb(program, "adopt", "accept the log as it is now, and go on")
    .action((name: string, selection: Selection) =>
      move(name, selection, ({ database, key, act, bounds }) => adopt(database, key, act, bounds))
    );
  partitionVerb(program, "skip", "go on at an offset; what lies before it is left out")
    .requiredOption("--to <offset>", "the offset to go on at")
    .action((name: string, selection: Selection) =>
      move(name, selection, ({ database, key, act, bounds }) => {
        if (selection.partition === undefined) {
          throw new TypeError("Cannot skip all partitions at once; name one with --partition");
        }
        return skip(database, key, act, Number(selection.to), bounds);
      })
    );
}

function partitionVerb(program: Command, verb: string, description: string): Command {
  return program.command(verb)
    .description(description)
    .argument("<stream>", "the stream's name")
    .option("--partition <n>", "one partition; all where it is not given")
    .option("--sink <name>", "one sink; all where it is not given")
    .requiredOption("--reason <text>", "why; it is kept in the row and in the audit");
}

interface Move {
  database: Database;
  key: PartitionKey;
  act: Act;
  bounds: LogBounds;
}

async function move(
  name: string,
  selection: Selection,
  work: (move: Move) => Promise<Checkpoint>,
): Promise<void> {
  const stream = streamNamed(name);
  const config = await readSettings();
  const database = openDatabase(config.databaseUrl, 1);
  const logger = createLogger("operate");
  const reader = topicReader(makeKafka(config.kafkaBrokers, logger));
  const act = { who: userInfo().username, reason: selection.reason };
  try {
    const bounds = await reader.bounds(topicName(config.prefix, stream));
    const keys = (await readStatus(database, [stream]))
      .map((row) => ({ stream: row.stream, sink: row.sink, partition: row.kafkaPartition }))
      .filter((key) => selection.sink === undefined || key.sink === selection.sink)
      .filter((key) =>
        selection.partition === undefined || key.partition === Number(selection.partition)
      );
    if (keys.length === 0) throw new TypeError(`Nothing of ${name} matches; see millrace status`);
    for (const key of keys) {
      const seen = bounds.get(key.partition);
      if (!seen) throw new Error(`Partition ${key.partition} is not in the topic`);
      const row = await work({ database, key, act, bounds: seen });
      console.log(`${key.stream}/${key.sink} ${key.partition}: ${row.state} at ${row.next}`);
    }
  } finally {
    await reader.close();
    await database.close();
  }
}
