import type { SystemCall } from './system-calls.js'

/** What happened to one file, and what the process said meanwhile, in order. */
export type DiskEvent =
  | { readonly kind: 'write'; readonly offset: number; readonly data: Buffer; readonly synchronous: boolean }
  | { readonly kind: 'flush' }
  /** The file got its name: what happened before happened to a directory that nobody looks at. */
  | { readonly kind: 'born' }
  /** The process wrote a line to its standard output: an acknowledgement. */
  | { readonly kind: 'said'; readonly line: string }

interface Descriptor {
  readonly synchronous: boolean
  position: number
}

const IGNORED = new Set(['openat', 'close', 'lseek'])

/**
 * The history of the file `name` in `directory`, which may have been renamed from `temporary` on the way. Throws on a
 * call that could change the file and is not understood here: an image must not be built on a guess.
 */
export function diskHistory(
  calls: readonly SystemCall[],
  name: string,
  directory: string,
  temporary: string,
): DiskEvent[] {
  const paths = [`${directory}/${name}`, `${temporary}/${name}`]
  const events: DiskEvent[] = []
  const descriptors = new Map<number, Descriptor>()
  for (const { name: call, fd, target, data, args, result } of calls) {
    if (call === 'openat' && result >= 0 && paths.includes(data.toString())) {
      descriptors.set(result, { synchronous: /O_D?SYNC/.test(args), position: 0 })
    }
    if (call === 'close' && fd !== undefined) descriptors.delete(fd)
    if (call.startsWith('rename') && data.toString() === temporary + directory) events.push({ kind: 'born' })
    if (fd === 1 && call === 'write') {
      for (const line of data.toString().trimEnd().split('\n')) events.push({ kind: 'said', line })
    }
    const descriptor = fd === undefined ? undefined : descriptors.get(fd)
    if (!paths.includes(target) || descriptor === undefined || result < 0) continue
    if (call === 'lseek') descriptor.position = result
    if (IGNORED.has(call)) continue
    const { synchronous } = descriptor
    if (call === 'fdatasync' || call === 'fsync') events.push({ kind: 'flush' })
    else if (call === 'pwrite64' || call === 'pwritev') {
      const offset = Number(args.slice(args.lastIndexOf(',') + 1))
      events.push({ kind: 'write', offset, data: data.subarray(0, result), synchronous })
    } else if (call === 'write' || call === 'writev') {
      events.push({ kind: 'write', offset: descriptor.position, data: data.subarray(0, result), synchronous })
      descriptor.position += result
    } else throw new Error(`${call}(${args}) is not understood`)
  }
  return events
}

/** A file as an array of bytes that grows. */
export function applyWrite(file: Buffer, offset: number, data: Uint8Array): Buffer {
  const end = offset + data.length
  const grown = end <= file.length ? file : Buffer.concat([file, Buffer.alloc(end - file.length)])
  grown.set(data, offset)
  return grown
}

/** The file after everything, to compare with the real one. */
export function replay(events: readonly DiskEvent[]): Buffer {
  let file = Buffer.alloc(0)
  for (const event of events)
    if (event.kind === 'write') file = applyWrite(file, event.offset, event.data) as typeof file
  return file
}
