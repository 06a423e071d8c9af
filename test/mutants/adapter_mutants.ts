/** The guards of the adapters; most suites here need Redis or MariaDB. */

import type { Mutant } from "./mutants.ts";

const producer = ["test/unit/producer.test.ts"];
/** On a real MariaDB, whose address is in the environment. */
const writer = ["test/integration/writer.test.ts", "test/contract/sink_real.test.ts"];

const replies: Mutant[] = [
  {
    name: "reply check: a partition that the reply does not name",
    file: "src/kafka/reply_check.ts",
    find: "if (answer === undefined || answer.errorCode !== 0) continue;",
    replace: "if (answer === undefined) acknowledged.set(partition, 0);\n" +
      "    if (answer === undefined || answer.errorCode !== 0) continue;",
    suites: producer,
  },
  {
    name: "reply check: a partition that the reply names with an error",
    file: "src/kafka/reply_check.ts",
    find: "answer === undefined || answer.errorCode !== 0",
    replace: "answer === undefined",
    suites: producer,
  },
  {
    name: "reply check: an answer without an offset",
    file: "src/kafka/reply_check.ts",
    find: "Number.isSafeInteger(baseOffset) && baseOffset >= 0",
    replace: "true",
    suites: producer,
  },
  {
    name: "reply check: an answer about another topic",
    file: "src/kafka/reply_check.ts",
    find: "one.topicName === topic && ",
    replace: "",
    suites: producer,
  },
  {
    name: "reply check: what is not proven is not sent again",
    file: "src/kafka/producer.ts",
    find: "if (offsets.size === parts.size) return;",
    replace: `for (const [partition, items] of parts) {
      if (offsets.has(partition)) continue;
      const state = "acknowledged";
      items.forEach((item) => item.settle({ state, partition, offset: 0 }));
    }
    if (parts.size > 0) return;`,
    suites: producer,
  },
];

const rejects: Mutant[] = [
  {
    name: "bisect: a chunk with one bad row is rejected whole",
    file: "src/writer/load.ts",
    find: `if (chunk.length === 1) {
      loaded.rejects.push({ index: chunk[0]!.index, error: asReject(error) });`,
    replace: `if (chunk.length > 0) {
      for (const { index } of chunk) loaded.rejects.push({ index, error: asReject(error) });`,
    suites: writer,
  },
  {
    name: "bisect: savepoint",
    file: "src/writer/load.ts",
    find: `await tx.execute("ROLLBACK TO SAVEPOINT chunk");`,
    replace: "",
    suites: writer,
  },
  {
    name: "bisect: the second half goes first",
    file: "src/writer/load.ts",
    find: "await insertChunk(tx, target, chunk.slice(0, middle), options, loaded, copies);",
    replace: `await insertChunk(tx, target, chunk.slice(middle), options, loaded, copies);
  const half = chunk.slice(0, middle);
  if (middle > 0) return await insertChunk(tx, target, half, options, loaded, copies);`,
    suites: writer,
  },
  {
    name: "bisect: any error is evidence against a row",
    file: "src/writer/load.ts",
    find: "if (!isEvidence(error, options)) throw error;",
    replace: "",
    suites: writer,
  },
  {
    name: "dead letter once: the second is not passed over",
    file: "src/writer/dead_letters.ts",
    find: `" ON DUPLICATE KEY UPDATE \`fingerprint\`=\`fingerprint\`"`,
    replace: `""`,
    suites: writer,
  },
  {
    name: "dead letter once: by its position only",
    file: "src/writer/dead_letters.ts",
    find: "if (record.id === null) hash",
    replace: "if (record.offset >= 0) hash",
    suites: writer,
  },
  {
    name: "dead letter once: by its id alone",
    file: "src/writer/dead_letters.ts",
    find: `.update(asBuffer(record.value) ?? "")`,
    replace: "",
    suites: writer,
  },
  {
    name: "dead letter once: those without an id are one",
    file: "src/writer/dead_letters.ts",
    find: "|${record.offset}`",
    replace: "`",
    suites: writer,
  },
];

const identities: Mutant[] = [
  {
    name: "identity: a stored one is not passed over",
    file: "src/writer/load.ts",
    find: "` ON DUPLICATE KEY UPDATE ${name}=${insert.tableName}.${name}`",
    replace: `""`,
    suites: writer,
  },
  {
    name: "identity: a stored one is taken for a new row",
    file: "src/writer/load.ts",
    find: "if (stored === chunk.length) {",
    replace: "if (stored <= chunk.length) {",
    suites: writer,
  },
  {
    name: "identity: copies are not counted",
    file: "src/writer/copies.ts",
    find: "loaded.repeated += same.length;",
    replace: "",
    suites: writer,
  },
  {
    name: "identity: a conflict is counted as a copy",
    file: "src/writer/copies.ts",
    find: "if (await saysTheSame(tx, target, same)) {",
    replace: "if (same.length > 0) {",
    suites: writer,
  },
  {
    name: "identity: the comparison is not undone",
    file: "src/writer/copies.ts",
    find: `await tx.execute("ROLLBACK TO SAVEPOINT compare");`,
    replace: "",
    suites: writer,
  },
  {
    name: "identity: another unique key makes a copy",
    file: "src/writer/copies.ts",
    find: "if (known[i]) same",
    replace: "if (i >= 0) same",
    suites: writer,
  },
  {
    name: "identity: an older version replaces a newer one",
    file: "src/writer/copies.ts",
    find: "IF(VALUES(${version})>${target.insert.tableName}.${version},",
    replace: "IF(VALUES(${version})<>${target.insert.tableName}.${version},",
    suites: writer,
  },
  {
    name: "identity: the version is assigned first",
    file: "src/writer/copies.ts",
    find: "[...others, version].map",
    replace: "[version, ...others].map",
    suites: writer,
  },
  {
    name: "identity: where a record lies is part of its content",
    file: "src/writer/copies.ts",
    find: `new Set(["eventId", "kafkaPartition", "kafkaOffset"])`,
    replace: "new Set<string>()",
    suites: writer,
  },
];

const stores: Mutant[] = [
  {
    name: "fence: the table writer does not ask the rule",
    file: "src/writer/sink.ts",
    find: "if (!prepared || !mayApply(asCheckpoint(row), job, intact)) return asCheckpoint(row);",
    replace: "if (!prepared) return asCheckpoint(row);",
    suites: writer,
  },
  {
    name: "checksum: the table writer does not look at it",
    file: "src/writer/sink.ts",
    find: "const intact = isIntact(job);",
    replace: "const intact = true;",
    suites: writer,
  },
  {
    name: "halt: of an epoch that has passed",
    file: "src/writer/checkpoints.ts",
    find: `and(sameKey(key), eq(checkpoints.epoch, epoch), eq(checkpoints.state, "run"))`,
    replace: `and(sameKey(key), eq(checkpoints.state, "run"))`,
    suites: ["test/contract/checkpoints_real.test.ts"],
  },
  {
    name: "halt: over a person's pause",
    file: "src/writer/checkpoints.ts",
    find: `, eq(checkpoints.epoch, epoch), eq(checkpoints.state, "run"))`,
    replace: ", eq(checkpoints.epoch, epoch))",
    suites: ["test/contract/checkpoints_real.test.ts"],
  },
  {
    name: "epoch: a person's move keeps it",
    file: "src/writer/operate.ts",
    find: "epoch: newEpoch(),\n    topicId",
    replace: "topicId",
    suites: writer,
  },
  {
    name: "flush: what waits of the partition is not removed",
    file: "src/flush/flusher.ts",
    find: ", queue.drain(true)]",
    replace: "]",
    suites: ["test/contract/flusher_real.test.ts"],
  },
  {
    name: "flush: a job that is gone is waited for",
    file: "src/flush/flusher.ts",
    find: `if (exists !== 1) return { state: "gone" };`,
    replace: "",
    suites: ["test/contract/flusher_real.test.ts"],
  },
];

export const adapters: Mutant[] = [...replies, ...rejects, ...identities, ...stores];
