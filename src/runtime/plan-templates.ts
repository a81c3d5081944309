import { SHORT_ID_LENGTH } from "../spec/container-spec.js";

/** Shapes that are kept; callers that never repeat one gain nothing by more. */
const most = 64;

interface Template {
  plan: Buffer;
  id: string;
  /** Where the id stands, and where its beginning alone does. */
  whole: number[];
  short: number[];
  /** A second plan was encoded and found equal to what the template gave. */
  proven: boolean;
}

/**
 * Launch plans of one image by the shape of their containers. Plans of one shape differ by the id, in paths and host
 * names, and an id has always the same length: a plan is a copy of an earlier one with the id put in its place, which
 * costs a twentieth of encoding it. A template is believed once it gave the same as a second encoding.
 */
export class PlanTemplates {
  readonly #templates = new Map<string, Template>();

  plan(shape: string, id: string, encode: () => Buffer): Buffer {
    const template = this.#templates.get(shape);
    if (template?.proven) return filled(template, id);
    const plan = encode();
    if (template && template.id.length === id.length && filled(template, id).equals(plan)) {
      template.proven = true;
    } else {
      if (this.#templates.size >= most) this.#templates.clear();
      this.#templates.set(shape, { plan, id, ...places(plan, id), proven: false });
    }
    return plan;
  }
}

function places(plan: Buffer, id: string): Pick<Template, "whole" | "short"> {
  const found: Pick<Template, "whole" | "short"> = { whole: [], short: [] };
  const begin = id.slice(0, SHORT_ID_LENGTH);
  for (let at = plan.indexOf(begin, 0, "latin1"); at >= 0; at = plan.indexOf(begin, at + begin.length, "latin1")) {
    const isWhole = plan.toString("latin1", at, at + id.length) === id;
    (isWhole ? found.whole : found.short).push(at);
  }
  return found;
}

function filled({ plan, whole, short }: Template, id: string): Buffer {
  const copy = Buffer.from(plan);
  for (const at of whole) copy.write(id, at, "latin1");
  for (const at of short) copy.write(id.slice(0, SHORT_ID_LENGTH), at, "latin1");
  return copy;
}
