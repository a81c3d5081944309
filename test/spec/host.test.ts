import { hostname } from "node:os";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hostFacts, permittedCapabilities } from "../../src/spec/host.js";
import { capabilityBits, capabilityNames } from "../../src/spec/linux/capabilities.js";

const host = suite("host facts");

host("reads the capabilities a process may use from its status", () => {
  const status = "Name:\tnode\nCapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t0000000000000000\n";
  assert.is(capabilityBits([...permittedCapabilities(status)]), 0xa80425fbn);
  assert.is(permittedCapabilities("CapPrm:\t000001ffffffffff\n").size, capabilityNames.length);
  assert.is(permittedCapabilities("Name:\tnode\n").size, 0);
});

host("are this process's own", () => {
  const facts = hostFacts();
  assert.is(facts.hostname, hostname());
  assert.ok(facts.capabilities.has("CAP_SYS_ADMIN"), "the tests run as root");
  assert.ok(facts.oomScoreAdj >= -1000 && facts.oomScoreAdj <= 1000);
});

host.run();
