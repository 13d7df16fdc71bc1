const utf8 = new TextEncoder()

/**
 * The group of a key: the same on every node, in every version, for ever. FNV-1a over the UTF-8 bytes, then the last
 * mixing steps of murmur3, because FNV alone is weak in its low bits.
 */
export function routeKey(key: string | Uint8Array, routingGroups: number): number {
  const bytes = typeof key === 'string' ? utf8.encode(key) : key
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) % routingGroups
}
