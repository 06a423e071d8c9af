import { defineConfig } from "vitest/config";

/** Files run one after the other: the live ones share services, and a machine may have two cores. */
export default defineConfig({
  test: {
    include: [
      "test/tidy.test.ts",
      "test/{unit,sim,contract,integration,live,mutants}/**/*.test.ts",
    ],
    fileParallelism: false,
    isolate: true,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
