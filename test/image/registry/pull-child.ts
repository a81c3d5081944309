/** `pull-child ROOT HOME NAME`: pulls, prints each stage as it comes, and at the end the image's id or the error's code. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { GranuleError } from "../../../src/errors.js";
import { ImageStore } from "../../../src/image/store.js";
import { openDatabase } from "../../../src/state/database.js";
import { testSettings } from "./pull-store.js";

const [root = "", home = "", name = ""] = process.argv.slice(2);
const { database } = openDatabase(join(root, "granule.db"));
const store = new ImageStore(root, database, undefined, testSettings(home));
const print = (line: string): boolean => process.stdout.write(`${line}\n`);
try {
  const image = await store.pull(name, { onProgress: ({ stage }) => print(stage) });
  print(`image ${image.id}`);
} catch (thrown) {
  const { code, message, hint } = GranuleError.from(thrown);
  const list = (folder: string): string[] => readdirSync(join(root, folder)).filter((one) => one !== ".records");
  print(`error ${JSON.stringify({ code, message, hint, blobs: list("blobs/sha256"), layers: list("layers") })}`);
}
database.close();
