/** `node node-tar-child.js TARGET LAYER...`: unpacks the layers by node-tar as it comes, one above the other. */
import { extract } from "tar";
import { printPeak } from "./peak.js";

const [target = "", ...layers] = process.argv.slice(2);
for (const file of layers) await extract({ file, cwd: target });
printPeak();
