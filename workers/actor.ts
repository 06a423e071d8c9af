/** The Kafka consumers: one pipeline for each sink of each stream, one actor a partition. */

import { randomBytes } from "node:crypto";
import { Budget } from "../src/actor/budget.ts";
import { systemClock } from "../src/actor/clock.ts";
import { Pipeline } from "../src/actor/pipeline.ts";
import { readConfig } from "../src/config.ts";
import { BullFlusher } from "../src/flush/flusher.ts";
import { KafkaLog } from "../src/kafka/log.ts";
import { groupName, topicName } from "../src/stream/names.ts";
import { runRole } from "../src/telemetry/process.ts";
import { MariaDbCheckpoints } from "../src/writer/checkpoints.ts";
import { openDatabase } from "../src/writer/database.ts";
import { streams } from "../streams/mod.ts";

const CONNECTIONS = 2;

await runRole("actor", async (logger, crash) => {
  const config = readConfig();
  const owner = randomBytes(6).toString("hex");
  const database = openDatabase(config.databaseUrl, CONNECTIONS);
  const flusher = new BullFlusher({ ...config, owner, log: logger });
  const budget = new Budget(config.actor.bytesInFlightMax);
  const pipelines = streams.flatMap((stream) =>
    stream.sinks.map((sink) =>
      new Pipeline({
        stream: stream.name,
        sink: sink.name,
        ...sink.batch,
        owner,
        log: new KafkaLog({
          brokers: config.kafkaBrokers,
          topic: topicName(config.prefix, stream),
          groupId: groupName(config.prefix, stream.name, sink.name),
          logger,
        }),
        flusher,
        checkpoints: new MariaDbCheckpoints(database),
        clock: systemClock,
        budget,
        logger,
        crash,
      })
    )
  );
  await Promise.all(pipelines.map((pipeline) => pipeline.start()));
  return {
    async stop() {
      await Promise.all(pipelines.map((pipeline) => pipeline.stop(config.drainDeadlineMs)));
      await flusher.close();
      await database.close();
    },
  };
});
