import type Database from "libsql";

/** An image as the database has it. */
export interface ImageRow {
  id: string;
  /** The image configuration as it came: its sha256 is the id. */
  config: string;
  /** JSON list of diffIDs, lowest first. */
  layers: string;
  size: number;
  created_at: string;
  /** Digest of the image manifest; null where an older granule kept none. */
  manifest: string | null;
  /** JSON list of the digests of every blob of the image, its manifest and configuration among them. */
  blobs: string;
}

const COLUMNS = "id, config, layers, size, created_at, manifest, blobs";

/** The tables `images` and `image_names`. */
export class ImageRecords {
  readonly #database: Database.Database;
  readonly #statements;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#statements = {
      insert: database.prepare(
        `INSERT INTO images (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET manifest = excluded.manifest, blobs = excluded.blobs`,
      ),
      name: database.prepare(
        "INSERT INTO image_names (name, image_id) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET image_id = excluded.image_id",
      ),
      unname: database.prepare("DELETE FROM image_names WHERE name = ?"),
      unnameAll: database.prepare("DELETE FROM image_names WHERE image_id = ?"),
      delete: database.prepare("DELETE FROM images WHERE id = ?"),
      all: database.prepare(`SELECT ${COLUMNS} FROM images ORDER BY created_at DESC, id`),
      byId: database.prepare(`SELECT ${COLUMNS} FROM images WHERE id = ?`),
      byName: database.prepare("SELECT image_id FROM image_names WHERE name = ?"),
      byPrefix: database.prepare("SELECT id FROM images WHERE id >= ? AND id < ? LIMIT 2"),
      names: database.prepare("SELECT name FROM image_names WHERE image_id = ? ORDER BY name"),
    };
  }

  /** Adds images and gives them their names, all or nothing; a name moves from whoever had it. */
  put(images: readonly { row: ImageRow; names: readonly string[] }[]): void {
    this.#database.transaction(() => {
      for (const { row, names } of images) {
        const { id, config, layers, size, created_at, manifest, blobs } = row;
        this.#statements.insert.run(id, config, layers, size, created_at, manifest, blobs);
        for (const name of names) this.#statements.name.run(name, row.id);
      }
    })();
  }

  unname(name: string): void {
    this.#statements.unname.run(name);
  }

  delete(id: string): void {
    this.#database.transaction(() => {
      this.#statements.unnameAll.run(id);
      this.#statements.delete.run(id);
    })();
  }

  all(): ImageRow[] {
    return this.#statements.all.all() as ImageRow[];
  }

  get(id: string): ImageRow | undefined {
    return this.#statements.byId.get(id) as ImageRow | undefined;
  }

  idOfName(name: string): string | undefined {
    return (this.#statements.byName.get(name) as { image_id: string } | undefined)?.image_id;
  }

  /** At most two ids that begin with `sha256:` and the digits, so that the caller sees ambiguity. */
  idsByPrefix(hexPrefix: string): string[] {
    const from = `sha256:${hexPrefix}`;
    return (this.#statements.byPrefix.all(from, `${from}g`) as { id: string }[]).map((row) => row.id);
  }

  namesOf(id: string): string[] {
    return (this.#statements.names.all(id) as { name: string }[]).map((row) => row.name);
  }
}
