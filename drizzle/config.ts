/** What `npm run generate` compares with the newest migration. */

import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "mysql",
  schema: ["./drizzle/schema.ts", "./streams/*.ts"],
  out: "./drizzle/migrations",
});
