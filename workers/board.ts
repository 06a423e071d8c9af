/** The board: the flush queues for a person, `/status` for programs. */

import { readConfig } from "../src/config.ts";
import { startBoard } from "../src/board/board.ts";
import { openRedis } from "../src/flush/redis.ts";
import { runRole } from "../src/telemetry/process.ts";
import { openDatabase } from "../src/writer/database.ts";
import { readStatus } from "../src/writer/operate.ts";
import { streams } from "../streams/mod.ts";

await runRole("board", async (log) => {
  const config = readConfig();
  const database = openDatabase(config.databaseUrl, 2);
  const redis = openRedis(config.redisUrl, log);
  const partitions = streams.flatMap((stream) =>
    stream.sinks.flatMap((sink) =>
      Array.from({ length: stream.topic.partitions }, (_, partition) => ({
        stream: stream.name,
        sink: sink.name,
        partition,
      }))
    )
  );
  const status = () => readStatus(database, streams);
  const board = await startBoard({ ...config.board, ...config, redis, partitions, status });
  return {
    address: board.address,
    async stop() {
      await board.close();
      redis.disconnect();
      await database.close();
    },
  };
});
