export * from "../../runtime/many.test.js";
export * from "./over-channel.js";
