/**
 * Runs a command that may take long: its output goes to a log file, and a line with the seconds
 * tells that it still works.
 */

import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

export interface RunOptions {
  title: string;
  logFile: string;
  log: (line: string) => void;
  env?: Record<string, string>;
  cwd?: string;
}

/** True if the command ended with 0. */
export async function runLogged(
  file: string,
  args: string[],
  options: RunOptions,
): Promise<boolean> {
  const { title, log } = options;
  mkdirSync(dirname(options.logFile), { recursive: true });
  const output = openSync(options.logFile, "a");
  log(`${title}…`);
  const start = Date.now();
  const seconds = () => Math.round((Date.now() - start) / 1_000);
  const ticker = setInterval(() => log(`${title}… ${seconds()} s`), 5_000);
  try {
    return await new Promise((resolve) => {
      const child = spawn(file, args, {
        cwd: options.cwd,
        env: { ...process.env, ...options.env },
        stdio: ["ignore", output, output],
      });
      child.once("error", () => resolve(false));
      child.once("exit", (code) => resolve(code === 0));
    });
  } finally {
    clearInterval(ticker);
    closeSync(output);
  }
}
