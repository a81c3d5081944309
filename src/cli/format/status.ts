import type { ContainerInfo } from "../../api.js";
import { humanAge, humanDuration } from "./human.js";

/** What a container does, in words: `Up 5 minutes`, `Exited (0) 3 seconds ago`. */
export function containerStatus(info: ContainerInfo, now: number = Date.now()): string {
  const up = info.startedAt === undefined ? "" : ` ${humanDuration(now - Date.parse(info.startedAt))}`;
  if (info.state === "running") return `Up${up}`;
  if (info.state === "paused") return `Up${up} (paused)`;
  if (info.state === "stopped") return exitText(info, now);
  return info.state.charAt(0).toUpperCase() + info.state.slice(1);
}

function exitText(info: ContainerInfo, now: number): string {
  const code = info.exit?.code === undefined ? "unknown" : String(info.exit.code);
  const cause = info.exit?.oomKilled ? ", OOM" : "";
  const age = info.finishedAt === undefined ? "" : ` ${humanAge(info.finishedAt, now)}`;
  return `Exited (${code}${cause})${age}`;
}

export function statusColour(info: ContainerInfo): "green" | "yellow" | "red" | "dim" {
  if (info.state === "running") return "green";
  if (info.state === "paused") return "yellow";
  return info.state === "stopped" && info.exit?.code !== 0 ? "red" : "dim";
}
