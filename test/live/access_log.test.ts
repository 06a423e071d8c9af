/** Ten thousand real requests through the whole path, while actor and writer are killed. */

import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseInstant } from "../../src/stream/instant.ts";
import { type AccessEvent, parseCombined } from "../support/combined_log.ts";
import { install, type Installation, type RunningRole, until } from "../support/installation.ts";

const DATA = fileURLToPath(new URL("../../../shared/data/apache_access.log", import.meta.url));
const KILLS = 5;

let millrace: Installation;
beforeAll(async () => {
  if (existsSync(DATA)) millrace = await install();
}, 120_000);
afterAll(() => millrace?.stop());

const count = async () => {
  const [row] = await millrace.query<{ n: number; next: number }>(
    `SELECT COUNT(*) AS n, (SELECT SUM(records) FROM ${millrace.prefix}millrace_checkpoints
      WHERE stream = 'access_log') AS settled FROM ${millrace.prefix}access_log`,
  );
  return row as unknown as { n: number; settled: string };
};

/** Kills both and starts them again, each time after there was progress. */
async function killAgainAndAgain(roles: { actor: RunningRole; writer: RunningRole }) {
  for (let kill = 0; kill < KILLS; kill++) {
    const before = Number((await count()).settled);
    await until("progress", 40_000, async () => {
      const { settled } = await count();
      return Number(settled) > before || Number(settled) >= 10_000;
    });
    for (const name of ["actor", "writer"] as const) {
      roles[name].kill("SIGKILL");
      await roles[name].ended;
      roles[name] = await millrace.start(name);
    }
  }
}

test.skipIf(!existsSync(DATA))(
  `real requests load once in spite of kills (skipped where ${DATA} is not there)`,
  async () => {
    const events = readFileSync(DATA, "utf8").trimEnd().split("\n").map(parseCombined);
    expect(events).toHaveLength(10_000);
    const file = join(mkdtempSync(join(tmpdir(), "millrace-")), "access.ndjson");
    writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
    const edge = await millrace.start("edge");
    const roles = { actor: await millrace.start("actor"), writer: await millrace.start("writer") };
    await until("the edge", 20_000, async () => (await fetch(`${edge.address}/readyz`)).ok);
    const send = () => millrace.millrace("send", "access_log", file, "--edge", edge.address);

    const [sent] = await Promise.all([send(), killAgainAndAgain(roles)]);
    expect(sent.code, sent.stderr).toBe(0);
    await until("10 000 rows", 60_000, async () => (await count()).n === 10_000);
    await expectRows(events);

    expect((await send()).code).toBe(0);
    await until(
      "the second sending settled",
      60_000,
      async () => Number((await count()).settled) === 20_000,
    );
    expect((await count()).n).toBe(10_000);
    await expectRows(events);
    const verified = await millrace.millrace("verify", "--stream", "access_log");
    expect(verified.code, verified.stderr).toBe(0);
  },
  300_000,
);

async function expectRows(events: AccessEvent[]): Promise<void> {
  const statuses = await millrace.query<{ status: number; n: number }>(
    `SELECT status, COUNT(*) AS n FROM ${millrace.prefix}access_log
      GROUP BY status ORDER BY n DESC, status`,
  );
  expect(statuses.map(({ status, n }) => [status, n])).toEqual([
    [200, 9126],
    [304, 445],
    [404, 213],
    [301, 164],
    [206, 45],
    [500, 3],
    [403, 2],
    [416, 2],
  ]);
  const rows = await millrace.query(
    `SELECT at, ip, method, path, status, bytes, user_id AS userId, user_agent AS userAgent,
      referrer FROM ${millrace.prefix}access_log`,
  );
  const lines = (of: unknown[]) => of.map((one) => JSON.stringify(one)).sort();
  const stored = events.map((event) => ({ ...event, at: parseInstant(event.at) }));
  expect(lines(rows)).toEqual(lines(stored));
}
