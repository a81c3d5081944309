export * from "../../runtime/metering.test.js";
export * from "./over-channel.js";
