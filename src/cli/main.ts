/** The command line. */

import { Command } from "commander";
import process from "node:process";
import { registerOperate } from "./operate.ts";

const program = new Command("millrace").description("Events from HTTP to MariaDB, each once");
registerOperate(program);
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
