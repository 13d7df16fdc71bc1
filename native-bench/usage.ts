import { readFileSync } from 'node:fs'

/** What one process has used since it started. */
export interface Usage {
  readonly cpuMs: number
  readonly rssBytes: number
  /** Bytes that it wrote to files; undefined where the system does not say. */
  readonly writtenBytes: number | undefined
}

/** `sentBytes`: what it wrote to sockets, which the system counts in. */
export function ownUsage(sentBytes: number): Usage {
  const { user, system } = process.cpuUsage()
  const handedOver = bytesHandedOver()
  return {
    cpuMs: (user + system) / 1000,
    rssBytes: process.memoryUsage.rss(),
    writtenBytes: handedOver === undefined ? undefined : handedOver - sentBytes,
  }
}

/**
 * Not `write_bytes` of the same file: that counts whole folios of the page cache, and where those are large it showed
 * thirty times of what the device's own counters did.
 */
function bytesHandedOver(): number | undefined {
  try {
    const match = /^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))
    return match === null ? undefined : Number(match[1])
  } catch {
    return undefined
  }
}
