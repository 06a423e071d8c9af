/** Every guard, once taken out, is missed by a suite. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { mutants } from "./mutants.ts";
import { sentence } from "./run.ts";
import { MutantTree } from "./tree.ts";

const timeout = 120_000;
let tree: MutantTree;

beforeAll(async () => {
  tree = await MutantTree.make();
});
afterAll(() => tree.remove());

test("the suites pass while every guard is in place", { timeout }, async () => {
  const suites = [...new Set(mutants.flatMap((mutant) => mutant.suites))];
  expect(await tree.run(suites)).toMatchObject({ failure: null });
});

for (const mutant of mutants) {
  test(mutant.name, { timeout }, async () => {
    const verdict = await tree.judge(mutant);
    console.log(sentence(mutant, verdict));
    expect(verdict.failure, sentence(mutant, verdict)).not.toBeNull();
  });
}
