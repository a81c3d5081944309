/** The options of granule itself, before the command. */
export interface GlobalOptions {
  host?: string;
  root?: string;
  state?: string;
}
