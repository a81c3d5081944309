export * from "../../runtime/bad-input.test.js";
export * from "./over-channel.js";
