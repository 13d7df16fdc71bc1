import { readFileSync } from 'node:fs'

/** What one process has used since it started. */
export interface Usage {
  readonly cpuMs: number
  readonly rssBytes: number
  /** Of these, pages of mapped files; undefined where the system does not say. */
  readonly mappedBytes: number | undefined
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
    mappedBytes: mappedBytes(),
    writtenBytes: handedOver === undefined ? undefined : handedOver - sentBytes,
  }
}

function mappedBytes(): number | undefined {
  const kilobytes = ownNumber('/proc/self/status', /^RssFile:\s+(\d+) kB$/m)
  return kilobytes === undefined ? undefined : kilobytes * 1024
}

/**
 * Not `write_bytes` of the same file: that counts whole folios of the page cache, and where those are large it showed
 * thirty times of what the device's own counters did.
 */
const bytesHandedOver = (): number | undefined => ownNumber('/proc/self/io', /^wchar: (\d+)$/m)

function ownNumber(path: string, line: RegExp): number | undefined {
  try {
    const match = line.exec(readFileSync(path, 'utf8'))
    return match === null ? undefined : Number(match[1])
  } catch {
    return undefined
  }
}
