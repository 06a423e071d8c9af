/** Publishes dead letters to their topics. */

import { readConfig } from "../src/config.ts";
import { publishLetters } from "../src/kafka/letters.ts";
import { RelayLock } from "../src/relay/lock.ts";
import { Relay } from "../src/relay/relay.ts";
import { runRole } from "../src/telemetry/process.ts";
import { openDatabase } from "../src/writer/database.ts";

await runRole("relay", (log) => {
  const config = readConfig();
  const database = openDatabase(config.databaseUrl, 2);
  const lock = new RelayLock(config.databaseUrl, `${config.prefix}millrace_relay`);
  const letters = publishLetters(config.kafkaBrokers, log);
  const relay = new Relay({ database, lock, publish: letters.publish, log });
  relay.start();
  return Promise.resolve({
    async stop() {
      await relay.stop();
      await letters.close();
      await database.close();
    },
  });
});
