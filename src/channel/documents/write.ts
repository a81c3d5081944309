/** `npm run documents`: writes the documents that are made from the table to src/channel. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { documents } from "./all.js";

for (const [name, text] of Object.entries(documents())) {
  writeFileSync(fileURLToPath(new URL(`../../../../src/channel/${name}`, import.meta.url)), text);
}
