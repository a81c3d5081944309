export * from "../../runtime/spares.test.js";
export * from "./over-channel.js";
