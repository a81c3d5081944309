import type { ContainerInfo } from "../api.js";
import { type Filters, type FilterTests, hasTag, isImage, passes } from "./parse/filter.js";

/** docker's words for states that have another one here. */
const stateOf: Record<string, string> = { exited: "stopped", dead: "stopped" };

const tests: FilterTests<ContainerInfo> = {
  id: (info, value) => info.id.startsWith(value),
  name: (info, value) => info.name.includes(value.replace(/^\//, "")),
  status: (info, value) => info.state === (stateOf[value] ?? value),
  state: (info, value) => info.state === (stateOf[value] ?? value),
  label: (info, value) => hasTag(info.tags, value),
  tag: (info, value) => hasTag(info.tags, value),
  ancestor: (info, value) => isImage(value, info.image, info.imageId),
  exited: (info, value) => info.state === "stopped" && String(info.exit?.code ?? "") === value,
};

/** The keys of `ps --filter`. */
export const containerFilterKeys = [...Object.keys(tests), "before", "since"];

/** Whether a filter asks for containers that do not run, so that `ps` looks at all. */
export const filtersAskForAll = (filters: Filters | undefined): boolean =>
  ["status", "state", "exited"].some((key) => filters?.has(key));

/** Those of a list that pass. `before` and `since` name another container: made before it, made after it. */
export function filterContainers(list: ContainerInfo[], every: ContainerInfo[], filters: Filters): ContainerInfo[] {
  const createdOf = (name: string): string | undefined =>
    every.find((info) => info.name === name || info.id.startsWith(name))?.createdAt;
  const compared: FilterTests<ContainerInfo> = {
    ...tests,
    before: (info, value) => info.createdAt < (createdOf(value) ?? ""),
    since: (info, value) => info.createdAt > (createdOf(value) ?? "~"),
  };
  return list.filter((info) => passes(info, filters, compared));
}
