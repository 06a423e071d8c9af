/** The writers: take flush jobs and settle them in MariaDB. */

import { availableParallelism } from "node:os";
import { readConfig } from "../src/config.ts";
import { startFlushWorkers } from "../src/flush/workers.ts";
import { topicName } from "../src/stream/names.ts";
import { runRole } from "../src/telemetry/process.ts";
import { openDatabase } from "../src/writer/database.ts";
import { TableWriter } from "../src/writer/sink.ts";
import { streams } from "../streams/mod.ts";

await runRole("writer", (log, crash) => {
  const config = readConfig();
  const concurrency = 2 * availableParallelism();
  const database = openDatabase(config.databaseUrl, concurrency);
  const sinks = streams.flatMap((stream) =>
    stream.sinks.flatMap((tableSink) => {
      const sink = new TableWriter(stream, tableSink, topicName(config.prefix, stream), database);
      return Array.from({ length: stream.topic.partitions }, (_, partition) => ({
        key: { stream: stream.name, sink: tableSink.name, partition },
        sink,
      }));
    })
  );
  const workers = startFlushWorkers(sinks, { ...config, concurrency, log, crash });
  return Promise.resolve({
    async stop() {
      await workers.close(config.drainDeadlineMs);
      await database.close();
    },
  });
});
