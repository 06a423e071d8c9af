/**
 * The command line. A failure is one sentence on standard error; the exit codes are 0 well,
 * 1 failure, 2 usage, 3 breach, 4 deadline. Each verb's code is loaded only when it is needed.
 */

import { Command, CommanderError } from "commander";
import process from "node:process";
import { CliError, complain, durationMs, EXIT, positive, share, wholeNumber } from "./output.ts";
import type { SendOptions } from "./send.ts";
import type { SimulateOptions } from "./simulate.ts";
import type { VerifyOptions } from "./verify.ts";

const PROOF_VERBS = new Set(["send", "simulate", "verify"]);

async function main(): Promise<number> {
  const program = new Command("millrace")
    .description("Events from HTTP to MariaDB, each once")
    .exitOverride()
    .showHelpAfterError("(--help shows what is possible)");
  let exitCode: number = EXIT.well;
  const ends = (code: number) => void (exitCode = code);
  registerSend(program, ends);
  registerSimulate(program, ends);
  registerVerify(program, ends);
  if (!PROOF_VERBS.has(process.argv[2] ?? "")) {
    const { registerOperate } = await import("./operate.ts");
    registerOperate(program);
  }
  // A command takes its exitOverride from the program only where `command()` made it before.
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync();
  } catch (error) {
    return codeOf(error);
  }
  return process.exitCode === undefined ? exitCode : Number(process.exitCode);
}

function registerSend(program: Command, ends: (code: number) => void): void {
  program.command("send")
    .description("send the events of an NDJSON file, each once however often it is run")
    .argument("<stream>", "the stream's name")
    .argument("[file]", "one event a line; - is the standard input", "-")
    .option("--name <name>", "makes the ids with the line's number; the file's name if not given")
    .option("--edge <url>", "address of the edge")
    .option("--timeout <time>", "give up after this long without progress", durationMs, 120_000)
    .action(async (stream: string, file: string, options: SendOptions) => {
      ends(await (await import("./send.ts")).send(stream, file, options));
    });
}

function registerSimulate(program: Command, ends: (code: number) => void): void {
  program.command("simulate")
    .description("make events and send them, with a ledger that verify can check")
    .argument("<stream>", "the stream's name")
    .requiredOption("--rate <n>", "events a second", positive)
    .requiredOption("--for <time>", "how long, such as 60s", durationMs)
    .option("--keys <n>", "devices or users", wholeNumber, 1_000)
    .option("--poison <share>", "records that must become dead letters, such as 0.1%", share, 0)
    .option("--duplicates <share>", "accepted events that are sent again", share, 0)
    .option("--ledger <file>", "where to write what was sent and answered")
    .option("--edge <url>", "address of the edge")
    .option("--seed <n>", "the same events again", wholeNumber)
    .action(async (stream: string, options: SimulateOptions) => {
      ends(await (await import("./simulate.ts")).simulate(stream, options));
    });
}

function registerVerify(program: Command, ends: (code: number) => void): void {
  program.command("verify")
    .description("prove that what was sent is stored, each once and in order")
    .option("--ledger <file>", "what was sent and answered, from simulate")
    .option("--stream <name>", "one stream; all where it is not given")
    .option("--wait <time>", "longest wait for what is on its way", durationMs, 60_000)
    .option("--json", "one line of JSON a stream")
    .action(async (options: VerifyOptions) => {
      ends(await (await import("./verify.ts")).verify(options));
    });
}

function codeOf(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has said what was wrong; showing the help is no failure.
    return error.exitCode === 0 ? EXIT.well : EXIT.usage;
  }
  complain(error instanceof Error ? error.message : String(error));
  return error instanceof CliError ? error.exitCode : EXIT.failure;
}

process.exit(await main());
