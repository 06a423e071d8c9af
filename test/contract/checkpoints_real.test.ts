/** The checkpoint rows on a real MariaDB. */

import { afterAll, beforeAll } from "vitest";
import { checkpoints } from "../../drizzle/schema.ts";
import { MariaDbCheckpoints } from "../../src/writer/checkpoints.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { describeCheckpoints } from "./checkpoints_suite.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await makeTestDatabase();
});
afterAll(() => db?.drop());

describeCheckpoints("of MariaDB", () =>
  Promise.resolve({
    checkpoints: new MariaDbCheckpoints(db.database),
    async put({ stream, sink, partition }, row) {
      await db.database.transaction(async (tx) => {
        await tx.db.insert(checkpoints)
          .values({ stream, sink, kafkaPartition: partition, ...row })
          .onDuplicateKeyUpdate({ set: row });
      });
    },
    close: async () => void await db.query("DELETE FROM millrace_checkpoints"),
  }));
