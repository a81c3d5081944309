export * from "../../runtime/recovery.test.js";
export * from "./over-channel.js";
