import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A certificate authority in a folder of its own, by openssl(1). */
export class Authority {
  readonly folder: string;
  readonly ca: string;

  constructor(folder: string, name = "test authority") {
    this.folder = folder;
    mkdirSync(folder);
    this.ca = join(folder, "ca.pem");
    this.#key("ca");
    const subject = ["-subj", `/CN=${name}`, "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE"];
    openssl(["req", "-x509", "-new", "-key", this.#path("ca.key"), "-out", this.ca, ...subject]);
  }

  /** A certificate for 127.0.0.1 and localhost, or of a client. `days` below 0 makes one that has expired. */
  issue(file: string, subject: string, { days = 30 }: { days?: number } = {}): { cert: string; key: string } {
    const cert = this.#path(`${file}.pem`);
    const request = this.#path(`${file}.csr`);
    const extensions = this.#path(`${file}.ext`);
    this.#key(file);
    writeFileSync(extensions, "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n");
    openssl(["req", "-new", "-key", this.#path(`${file}.key`), "-out", request, "-subj", subject, "-multivalue-rdn"]);
    const day = 86_400_000;
    const stamp = (ms: number): string => `${new Date(ms).toISOString().replaceAll(/[-:T]|\..*/g, "")}Z`;
    const [from, until] =
      days > 0 ? [Date.now() - day, Date.now() + days * day] : [Date.now() + (days - 1) * day, Date.now() + days * day];
    const database = this.#path(`${file}.index`);
    writeFileSync(database, "");
    const config = this.#path(`${file}.cnf`);
    writeFileSync(
      config,
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${database}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nnew_certs_dir=${this.folder}\n[p]\n` +
        "commonName=optional\norganizationName=optional\norganizationalUnitName=optional\n",
    );
    openssl([
      ...["ca", "-batch", "-notext", "-config", config, "-cert", this.ca, "-keyfile", this.#path("ca.key")],
      ...["-in", request, "-out", cert, "-startdate", stamp(from), "-enddate", stamp(until), "-extfile", extensions],
    ]);
    return { cert, key: this.#path(`${file}.key`) };
  }

  #key(name: string): void {
    const path = this.#path(`${name}.key`);
    openssl(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path]);
    chmodSync(path, 0o600);
  }

  #path(name: string): string {
    return join(this.folder, name);
  }
}

function openssl(args: string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}
