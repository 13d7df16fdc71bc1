export interface NodeAddress {
  readonly host: string
  readonly port: number
}

/** `host:port`, `1.2.3.4:port` or `[v6]:port`; undefined if it is none of them. */
export function parseAddress(text: string): NodeAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^[\]:\s/]+)):(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const host = match[1] ?? match[2]
  const port = Number(match[3])
  if (host === undefined || port < 1 || port > 65535) return undefined
  if (match[1] !== undefined && !match[1].includes(':')) return undefined
  return { host, port }
}
