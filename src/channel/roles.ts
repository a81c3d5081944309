import type { Role } from "../api.js";

export type { Role };

const RANK: Readonly<Record<Role, number>> = { reader: 0, operator: 1, admin: 2 };

/** Whether `role` covers a method whose least role is `least`. */
export function roleAllows(role: Role, least: Role): boolean {
  return RANK[role] >= RANK[least];
}
