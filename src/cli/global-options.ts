/** The options of granule itself, before the command. */
export interface GlobalOptions {
  host?: string;
  tokenFile?: string;
  tlsCa?: string;
  tlsCert?: string;
  tlsKey?: string;
  root?: string;
  state?: string;
}
