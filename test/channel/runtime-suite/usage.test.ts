export * from "../../runtime/usage.test.js";
export * from "./over-channel.js";
