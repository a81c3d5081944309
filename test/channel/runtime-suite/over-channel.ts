/** Loaded before a test of the runtime, makes its fixture give the runtime at the far end of a channel. */
export const over = "channel";
process.env["GRANULE_TEST_OVER"] = over;
