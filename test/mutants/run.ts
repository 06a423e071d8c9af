/**
 * Takes out each guard and says who noticed: `deno run -A test/mutants/run.ts [part of a name]`.
 * Exits 1 if a mutant survives.
 */

import process from "node:process";
import { ensureServices } from "../../infra/services/ensure.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { MutantTree, type Verdict } from "./tree.ts";

/** `killed fence by test/sim (seed 17)` */
export function sentence(mutant: Mutant, { failure }: Verdict): string {
  const suites = mutant.suites.join(", ");
  if (failure === null) return `survived ${mutant.name} in ${suites}`;
  const seed = /\bseed (\d+):/.exec(failure)?.[1];
  const by = seed === undefined ? failure.split("\n")[0]?.split(": ")[0] : `seed ${seed}`;
  return `killed ${mutant.name} by ${suites} (${by})`;
}

async function main(part: string): Promise<void> {
  const addresses = await ensureServices({ log: (line) => process.stderr.write(`${line}\n`) });
  Object.assign(process.env, {
    KAFKA_BROKERS: addresses.kafkaBrokers,
    REDIS_URL: addresses.redisUrl,
    DATABASE_URL: addresses.databaseUrl,
    MILLRACE_ADMIN_DATABASE_URL: addresses.adminDatabaseUrl,
  });
  const tree = await MutantTree.make();
  try {
    for (const mutant of mutants.filter(({ name }) => name.includes(part))) {
      const verdict = await tree.judge(mutant);
      console.log(sentence(mutant, verdict));
      if (verdict.failure === null) process.exitCode = 1;
    }
  } finally {
    await tree.remove();
  }
}

if (process.argv[1] === import.meta.filename) await main(process.argv[2] ?? "");
