/** `npm run bench -- QUESTION [options]`: each file beside this one that is named here asks one question. */
const questions: Record<string, { asks: string; run: () => Promise<(args: string[]) => Promise<void>> }> = {
  start: {
    asks: "from the call in JavaScript to the container's first instruction, beside crun, runc and bubblewrap",
    run: async () => (await import("./start.js")).benchStart,
  },
  sampling: {
    asks: "the share of a core that sampling 1000 containers each second takes",
    run: async () => (await import("./sampling.js")).benchSampling,
  },
};

const [name = "", ...args] = process.argv.slice(2);
const question = questions[name];
if (question === undefined) {
  const list = Object.entries(questions).map(([key, { asks }]) => `  ${key}  ${asks}`);
  process.stderr.write(`usage: npm run bench -- QUESTION [options]\n${list.join("\n")}\n`);
  process.exitCode = 2;
} else {
  const run = await question.run();
  await run(args);
}
