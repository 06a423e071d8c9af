/**
 * Tells whether a recorded process still lives. A pid alone is not enough: it is given out again
 * after a crash or a reboot, and a signal would then hit a stranger. A mark is the pid together
 * with the moment the process started.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface ProcessMark {
  pid: number;
  started: string;
}

/** The mark of a living process; undefined for one that is gone or only waits to be reaped. */
export function markOf(pid: number): ProcessMark | undefined {
  const started = process.platform === "linux" ? startedByProc(pid) : startedByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

export function isAlive(mark: ProcessMark): boolean {
  return markOf(mark.pid)?.started === mark.started;
}

function startedByProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the command in parentheses, may hold blanks: count from its end.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, threads, ticks] = [fields[0], Number(fields[17]), fields[19]];
    // Its first thread may be gone while others end; until then they hold its ports and files.
    const gone = state === "X" || (state === "Z" && threads <= 1);
    if (gone || ticks === undefined) return undefined;
    // Ticks count from boot, so without the boot's id they could match after a reboot.
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${ticks}`;
  } catch {
    return undefined;
  }
}

function startedByPs(pid: number): string | undefined {
  try {
    const line = execFileSync("ps", ["-o", "state=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
    return line === "" || line.startsWith("Z") ? undefined : line.replace(/^\S+\s+/, "");
  } catch {
    return undefined;
  }
}
