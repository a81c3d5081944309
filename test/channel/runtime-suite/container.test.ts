export * from "../../runtime/container.test.js";
export * from "./over-channel.js";
