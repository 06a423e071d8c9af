/** The rules of the house that can be read off the files: who imports whom, and sizes. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname!, "..");
const linesMax = 400;
const functionLinesMax = 70;
const columnsMax = 100;

interface Source {
  path: string;
  /** `src/core` is `core`; other top folders keep their name; `src/config.ts` is `config`. */
  part: string;
  text: string;
  /** Parts of this project that it imports. */
  parts: Set<string>;
  packages: Set<string>;
}

const sources = ["src", "streams", "drizzle", "workers", "infra", "bench", "test"]
  .flatMap((folder) => filesOf(join(root, folder)))
  .map(read);

describe("imports", () => {
  test("the core imports only the core, and no package", () => {
    const core = sources.filter(({ part }) => part === "core");
    expect(core.length).toBeGreaterThan(4);
    for (const { path, parts, packages } of core) {
      expect([...parts, ...packages].filter((name) => name !== "core"), path).toEqual([]);
    }
  });

  const adapters = ["kafka", "flush", "writer"];
  test.each(adapters)("the adapter %s imports no other adapter", (adapter) => {
    const others = adapters.filter((other) => other !== adapter);
    expect(offenders((one) => one.part === adapter && others.some((part) => one.parts.has(part))))
      .toEqual([]);
  });

  const together = ["workers", "cli", "board", "test", "bench"];
  test("only workers, cli, board, tests and benches put adapters together", () => {
    expect(
      offenders((one) =>
        !together.includes(one.part) && adapters.filter((part) => one.parts.has(part)).length > 1
      ),
    ).toEqual([]);
  });

  test("nothing imports workers", () => {
    expect(offenders((one) => one.part !== "workers" && one.parts.has("workers"))).toEqual([]);
  });

  test.each<[string, RegExp, string[]]>([
    ["hono", /^(hono|@hono\/)/, ["edge", "board"]],
    ["bull-board", /^@bull-board\//, ["board"]],
    ["kafkajs", /^kafkajs/, ["kafka"]],
    ["bullmq and ioredis", /^(bullmq|ioredis)/, ["flush", "board"]],
    [
      "drizzle-orm and mysql2",
      /^(drizzle-orm|drizzle-kit|mysql2)/,
      ["writer", "relay", "drizzle", "stream", "streams"],
    ],
    ["prom-client", /^prom-client/, ["telemetry"]],
    ["pino", /^pino/, ["telemetry"]],
  ])("%s is at home in its parts", (_, name, homes) => {
    const elsewhere = ["test", "bench", "infra", ...homes];
    expect(
      offenders((one) =>
        !elsewhere.includes(one.part) && [...one.packages].some((found) => name.test(found))
      ),
    ).toEqual([]);
  });
});

describe("sizes and forms", () => {
  test(`a file has at most ${linesMax} lines`, () => {
    expect(offenders(({ text }) => text.split("\n").length - 1 > linesMax)).toEqual([]);
  });

  test(`a line has at most ${columnsMax} columns`, () => {
    expect(places((line) => line.length > columnsMax)).toEqual([]);
  });

  test(`a function has at most ${functionLinesMax} lines`, () => {
    expect(sources.flatMap(longFunctions)).toEqual([]);
  });

  test("nothing is of type any", () => {
    expect(places((line) => /[:<|&,(]\s*any\b(?!\.)|\bas any\b|\bany\[\]/.test(codeOf(line))))
      .toEqual([]);
  });

  test("types can be erased: no enum, namespace or parameter property", () => {
    const forms = [
      /^\s*(export )?(const )?enum \w/,
      /^\s*(export )?(declare )?namespace \w/,
      /^\s*(?:public|private|protected|readonly) [^;]*,$/,
      /constructor\((?:.*, )?(?:public|private|protected|readonly) /,
    ];
    expect(places((line) => forms.some((form) => form.test(codeOf(line))))).toEqual([]);
  });

  test("files have snake_case names", () => {
    expect(offenders(({ path }) => !/^([a-z0-9_]+\/)*[a-z0-9_]+(\.[a-z0-9_]+)*$/.test(path)))
      .toEqual([]);
  });
});

function filesOf(folder: string): string[] {
  const found = (() => {
    try {
      return readdirSync(folder, { withFileTypes: true });
    } catch {
      return [];
    }
  })();
  return found.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : filesOf(path);
    return /\.(ts|mjs|js)$/.test(entry.name) ? [path] : [];
  });
}

function read(file: string): Source {
  const path = relative(root, file).replaceAll("\\", "/");
  const text = readFileSync(file, "utf8");
  const parts = new Set<string>();
  const packages = new Set<string>();
  const imported = /(?:^|\s)(?:from|import)\s*\(?\s*"([^"\n]+)"/g;
  for (const [, name] of text.matchAll(imported)) {
    if (name!.startsWith("node:")) continue;
    if (name!.startsWith(".")) parts.add(partOf(join(path, "..", name!)));
    else packages.add(name!);
  }
  return { path, part: partOf(path), text, parts, packages };
}

function partOf(path: string): string {
  const [top, second] = path.split("/");
  return top === "src" ? second!.replace(/\.ts$/, "") : top!;
}

function offenders(isOne: (source: Source) => boolean): string[] {
  return sources.filter(isOne).map(({ path }) => path);
}

/** `path:line` of every line that is one. */
function places(isOne: (line: string) => boolean): string[] {
  return sources.filter(({ path }) => path.endsWith(".ts") && path !== "test/tidy.test.ts")
    .flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, i) => isOne(line) ? [`${path}:${i + 1} ${line.trim()}`] : [])
    );
}

/** Without its comments and texts. */
function codeOf(line: string): string {
  return line.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, '""').replace(/^\s*\/?\*.*|\/\/.*/, "");
}

/**
 * A function begins on a line that opens a block with `)` or a type before `{`, and ends where a
 * line closes it at the same indentation; what `deno fmt` writes can be read this way.
 */
function longFunctions({ path, text }: Source): string[] {
  const lines = text.split("\n");
  const begins =
    /^(\s*)(?:export )?(?:default )?(?:async )?(?:function\b|(?:static |async |get |set |#)*[\w#]+\(|(?:const|let) \w+ = (?:async )?\(|constructor\()/;
  return lines.flatMap((line, i) => {
    const indent = begins.exec(line)?.[1];
    if (indent === undefined || /^\s*(if|for|while|switch|return|test|describe)\b/.test(line)) {
      return [];
    }
    const opens = lines.slice(i, i + 12).findIndex((one) => /\{$/.test(one));
    if (opens < 0 || lines.slice(i, i + opens).some((one) => /;$/.test(one))) return [];
    const length = lines.slice(i).findIndex((one, n) => n > opens && one.startsWith(`${indent}}`));
    return length + 1 > functionLinesMax ? [`${path}:${i + 1} has ${length + 1} lines`] : [];
  });
}
