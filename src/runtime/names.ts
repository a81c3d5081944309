import { randomBytes, randomInt } from "node:crypto";

const adjectives = [
  "amber",
  "brisk",
  "calm",
  "clear",
  "crisp",
  "deft",
  "eager",
  "early",
  "fair",
  "firm",
  "fleet",
  "fresh",
  "gentle",
  "golden",
  "grand",
  "green",
  "hardy",
  "keen",
  "kind",
  "light",
  "lively",
  "lucid",
  "mellow",
  "merry",
  "mild",
  "neat",
  "nimble",
  "noble",
  "plain",
  "polite",
  "prime",
  "proud",
  "quick",
  "quiet",
  "rapid",
  "ready",
  "robust",
  "round",
  "sharp",
  "silent",
  "sleek",
  "smooth",
  "solid",
  "spry",
  "steady",
  "still",
  "sturdy",
  "subtle",
  "sunny",
  "swift",
  "tidy",
  "trim",
  "true",
  "vivid",
  "warm",
  "wise",
] as const;

const nouns = [
  "barley",
  "basalt",
  "beach",
  "bead",
  "cell",
  "chalk",
  "clay",
  "cobble",
  "coral",
  "corn",
  "crumb",
  "crystal",
  "dew",
  "drop",
  "dune",
  "dust",
  "ember",
  "flake",
  "flint",
  "foam",
  "frost",
  "garnet",
  "grain",
  "granite",
  "gravel",
  "hail",
  "husk",
  "kernel",
  "lentil",
  "lime",
  "loam",
  "marble",
  "millet",
  "mist",
  "moss",
  "oat",
  "ore",
  "pearl",
  "pebble",
  "pepper",
  "pollen",
  "poppy",
  "quartz",
  "rice",
  "rye",
  "sago",
  "salt",
  "sand",
  "seed",
  "sesame",
  "shell",
  "silt",
  "slate",
  "snow",
  "spark",
  "sugar",
  "wheat",
] as const;

const idBytes = 16;
let random = Buffer.alloc(0);

/** A container id: 128 random bits in hexadecimal. */
export function newId(): string {
  // Many at a time: a call of the generator costs as much as a hundred ids.
  if (random.length < idBytes) random = randomBytes(128 * idBytes);
  const id = random.toString("hex", 0, idBytes);
  random = random.subarray(idBytes);
  return id;
}

/** A name for a container that was given none; a number is added once plain pairs were taken. */
export function newName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const pair = `${adjectives[randomInt(adjectives.length)]}_${nouns[randomInt(nouns.length)]}`;
    const name = attempt < 4 ? pair : `${pair}_${randomInt(10 ** Math.min(attempt, 9))}`;
    if (!isTaken(name)) return name;
  }
}
