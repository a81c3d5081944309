import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PlanTemplates } from "../../src/runtime/plan-templates.js";

const test = suite("plan templates");

const idOf = (digit: string): string => digit.repeat(32);
const planOf = (id: string, more = ""): Buffer =>
  Buffer.from(`/run/${id}.sock\0host ${id.slice(0, 12)}\0/c/${id}${more}`);

test("the third plan of a shape is not encoded, and has the id wherever an encoded one has it", () => {
  const templates = new PlanTemplates();
  let encoded = 0;
  const plan = (id: string): Buffer =>
    templates.plan("shape", id, () => {
      encoded++;
      return planOf(id);
    });
  for (const digit of ["1", "2", "3", "4"]) assert.equal(plan(idOf(digit)), planOf(idOf(digit)));
  assert.is(encoded, 2);
});

test("plans that differ by more than the id are encoded each time", () => {
  const templates = new PlanTemplates();
  for (const digit of ["1", "2", "3", "4"]) {
    const wanted = planOf(idOf(digit), ` number ${digit}`);
    assert.equal(
      templates.plan("shape", idOf(digit), () => wanted),
      wanted,
    );
  }
});

test("shapes are told apart, and a plan that was handed out is the caller's", () => {
  const templates = new PlanTemplates();
  for (const digit of ["1", "2"]) templates.plan("a", idOf(digit), () => planOf(idOf(digit)));
  templates.plan("a", idOf("3"), () => Buffer.alloc(0)).fill(0);
  assert.equal(
    templates.plan("a", idOf("4"), () => Buffer.alloc(0)),
    planOf(idOf("4")),
  );
  assert.equal(
    templates.plan("b", idOf("5"), () => planOf(idOf("5"), "b")),
    planOf(idOf("5"), "b"),
  );
});

test.run();
