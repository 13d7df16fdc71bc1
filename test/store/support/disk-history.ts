import type { SystemCall } from './system-calls.js'

/** What happened to the files of one directory, and what the process said meanwhile, in order. */
export type DiskEvent =
  | {
      readonly kind: 'write'
      readonly file: string
      readonly offset: number
      readonly data: Buffer
      /** It is on the disk when the call returns. */
      readonly synchronous: boolean
    }
  | { readonly kind: 'flush'; readonly file: string }
  /** From now on the file has another name, but perhaps not on the disk. */
  | { readonly kind: 'renamed'; readonly file: string; readonly to: string }
  /** The directory was flushed: all names in it are on the disk. */
  | { readonly kind: 'named' }
  /** The directory got its name: what happened before happened to one that nobody looks at. */
  | { readonly kind: 'born' }
  /** The process wrote a line to its standard output: an acknowledgement. */
  | { readonly kind: 'said'; readonly line: string }

/** What a store consists of. The journal is made under another name. */
export const STORE_FILES = ['data.mdb', 'journal', 'journal.new']

interface Descriptor {
  readonly synchronous: boolean
  position: number
}

const PASSED_OVER = new Set(['openat', 'close', 'lseek'])

/**
 * What one process did to the files `names` in `directory`, which may have been renamed from `temporary` on the way. Throws
 * on a call that could change one of them and is not understood here: an image must not be built on a guess.
 */
export function diskHistory(
  calls: readonly SystemCall[],
  names: readonly string[],
  directory: string,
  temporary: string,
): DiskEvent[] {
  const files = new Map<string, string>()
  for (const name of names) for (const place of [directory, temporary]) files.set(`${place}/${name}`, name)
  const events: DiskEvent[] = []
  const descriptors = new Map<number, Descriptor>()
  for (const call of calls) {
    const { name, fd, target, data, args, result } = call
    if (name === 'openat' && result >= 0) {
      const file = files.get(data.toString())
      if (file === undefined) descriptors.delete(result)
      else descriptors.set(result, { synchronous: /O_D?SYNC/.test(args), position: 0 })
      // Whoever needs that has to say which of its bytes a power cut brings back.
      if (/O_TRUNC/.test(args) && events.some((event) => 'file' in event && event.file === file))
        throw new Error(`openat(${args}) of a file with something in it is not understood`)
    }
    if (name === 'close' && fd !== undefined) descriptors.delete(fd)
    if (name.startsWith('rename')) events.push(...renamed(data.toString(), files, directory, temporary))
    if (fd === 1 && name === 'write') {
      for (const line of data.toString().trimEnd().split('\n')) events.push({ kind: 'said', line })
    }
    if (target === directory && result >= 0 && (name === 'fsync' || name === 'fdatasync'))
      events.push({ kind: 'named' })
    const file = files.get(target)
    const descriptor = fd === undefined ? undefined : descriptors.get(fd)
    if (file !== undefined && descriptor !== undefined && result >= 0) events.push(...happened(call, file, descriptor))
  }
  return events
}

/** `paths` are both, one behind the other. */
function renamed(paths: string, files: ReadonlyMap<string, string>, directory: string, temporary: string): DiskEvent[] {
  if (paths === temporary + directory) return [{ kind: 'born' }]
  for (const [from, file] of files) {
    const to = paths.startsWith(`${from}/`) ? files.get(paths.slice(from.length)) : undefined
    if (to !== undefined) return [{ kind: 'renamed', file, to }]
  }
  return []
}

function happened({ name, data, args, result }: SystemCall, file: string, descriptor: Descriptor): DiskEvent[] {
  if (name === 'lseek') descriptor.position = result
  if (PASSED_OVER.has(name)) return []
  if (name === 'fdatasync' || name === 'fsync') return [{ kind: 'flush', file }]
  const { synchronous, position } = descriptor
  const written = data.subarray(0, result)
  if (name === 'pwrite64' || name === 'pwritev') {
    const offset = Number(args.slice(args.lastIndexOf(',') + 1))
    return [{ kind: 'write', file, offset, data: written, synchronous }]
  }
  if (name !== 'write' && name !== 'writev') throw new Error(`${name}(${args}) is not understood`)
  descriptor.position += result
  return [{ kind: 'write', file, offset: position, data: written, synchronous }]
}

/** A file as an array of bytes that grows. */
export function applyWrite(file: Buffer, offset: number, data: Uint8Array): Buffer {
  const end = offset + data.length
  const grown = end <= file.length ? file : Buffer.concat([file, Buffer.alloc(end - file.length)])
  grown.set(data, offset)
  return grown
}

/** The files after everything, to compare with the real ones. */
export function replay(events: readonly DiskEvent[]): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (const event of events) {
    if (event.kind === 'write')
      files.set(event.file, applyWrite(files.get(event.file) ?? Buffer.alloc(0), event.offset, event.data))
    if (event.kind === 'renamed') {
      files.set(event.to, files.get(event.file) ?? Buffer.alloc(0))
      files.delete(event.file)
    }
  }
  return files
}
