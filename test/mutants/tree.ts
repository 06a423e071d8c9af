/**
 * A copy of the project in a temporary folder, in which one guard at a time is taken out and the
 * suites that should notice are run.
 */

import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Mutant } from "./mutants.ts";

const root = join(import.meta.dirname!, "../..");
const copied = [
  "src",
  "streams",
  "drizzle",
  "workers",
  "test",
  "infra",
  "deno.json",
  "package.json",
  "vitest.config.ts",
];

export interface Verdict {
  passed: number;
  /** What the first failing test said; `null` when all passed. */
  failure: string | null;
}

export class MutantTree {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(): Promise<MutantTree> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-mutants-"));
    for (const name of copied) {
      if (!existsSync(join(root, name))) continue;
      await cp(join(root, name), join(folder, name), { recursive: true });
    }
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    return new MutantTree(folder);
  }

  /** Runs the mutant's suites with its guard taken out, and puts the guard back. */
  async judge(mutant: Mutant): Promise<Verdict> {
    const path = join(this.#folder, mutant.file);
    const text = await readFile(path, "utf8");
    const found = text.split(mutant.find).length - 1;
    if (found !== 1) {
      throw new Error(`Cannot make "${mutant.name}": ${mutant.file} has its text ${found} times`);
    }
    await writeFile(path, text.replace(mutant.find, () => mutant.replace));
    try {
      return await this.run(mutant.suites);
    } finally {
      await writeFile(path, text);
    }
  }

  /** A suite that cannot even be loaded proves nothing and throws. */
  async run(suites: string[]): Promise<Verdict> {
    const output = join(this.#folder, "report.json");
    await rm(output, { force: true });
    const vitest = join("node_modules", "vitest", "vitest.mjs");
    const flags = ["--reporter=json", `--outputFile=${output}`, "--bail=1"];
    const runtime = "Deno" in globalThis ? ["run", "-A"] : [];
    const said = await spawned([...runtime, vitest, "run", ...flags, ...suites], this.#folder);
    if (!existsSync(output)) throw new Error(`Cannot run ${suites.join(" ")}:\n${said}`);
    const report = JSON.parse(await readFile(output, "utf8")) as Report;
    const tests = report.testResults.flatMap((file) => file.assertionResults);
    const failed = tests.find((test) => test.status === "failed");
    if (!failed && (!report.success || report.numPassedTests === 0)) {
      throw new Error(`Cannot run ${suites.join(" ")}:\n${said}`);
    }
    const failure = failed ? `${failed.fullName}: ${failed.failureMessages[0] ?? ""}` : null;
    return { passed: report.numPassedTests, failure };
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

interface Report {
  success: boolean;
  numPassedTests: number;
  testResults: {
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

function spawned(args: string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stdout.on("data", (chunk) => said += String(chunk));
    child.stderr.on("data", (chunk) => said += String(chunk));
    child.on("error", reject);
    child.on("close", () => resolve(said));
  });
}
