/** What a caller may do: a reader looks, an operator changes containers, an admin changes what the host offers. */
export type Role = "reader" | "operator" | "admin";

const RANK: Readonly<Record<Role, number>> = { reader: 0, operator: 1, admin: 2 };

/** Whether `role` covers a method whose least role is `least`. */
export function roleAllows(role: Role, least: Role): boolean {
  return RANK[role] >= RANK[least];
}
