export * from "../../runtime/attach.test.js";
export * from "./over-channel.js";
