export * from "../../runtime/warm.test.js";
export * from "./over-channel.js";
