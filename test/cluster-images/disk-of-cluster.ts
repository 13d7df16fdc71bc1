import type { Random } from '../../src/base/random.js'
import { applyWrite, type DiskEvent } from '../store/support/disk-history.js'
import type { SystemCall } from '../store/support/system-calls.js'

/** What happened to one of many files, or was said meanwhile, in the order in which the calls ended. */
export type ClusterEvent = Extract<DiskEvent, { readonly kind: 'write' | 'flush' | 'said' }>

const WRITES = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'])
const PASSED_OVER = new Set(['openat', 'close', 'lseek'])
const STORE = /\/log(?:\.new)?\/(?:data\.mdb|journal(?:\.new)?)$/

/** A file is born under another name, or in a directory that has one; what matters is what it is called later. */
function laterName(path: string): string {
  return path.replace(/\/log\.new\//, '/log/').replace(/\.new$/, '')
}

type Write = Extract<ClusterEvent, { kind: 'write' }>

/** One process, in which all nodes were. */
export interface ClusterLife {
  readonly calls: readonly SystemCall[]
  /** The bytes of a file when it had ended. */
  readonly left: (file: string) => Buffer
}

/** The history of all files of stores below `base`. */
export function clusterHistory(lives: readonly ClusterLife[], base: string): ClusterEvent[] {
  return lives.flatMap(({ calls, left }) => historyOfLife(calls, left, base))
}

function historyOfLife(calls: readonly SystemCall[], left: ClusterLife['left'], base: string): ClusterEvent[] {
  const events: ClusterEvent[] = []
  const killed: Write[] = []
  const descriptors = new Map<number, { synchronous: boolean; position: number }>()
  for (const { name, fd, target, data, args, result, killed: wasKilled } of calls) {
    if (name === 'openat' && result >= 0) {
      if (STORE.test(data.toString())) descriptors.set(result, { synchronous: /O_D?SYNC/.test(args), position: 0 })
      else descriptors.delete(result)
    }
    if (name === 'write' && fd === 1) {
      for (const line of data.toString().trimEnd().split('\n')) events.push({ kind: 'said', line })
    }
    const open = fd === undefined ? undefined : descriptors.get(fd)
    if (open === undefined || (result < 0 && !wasKilled) || !target.startsWith(base) || !STORE.test(target)) continue
    const file = laterName(target)
    if (name === 'lseek') open.position = result
    if (PASSED_OVER.has(name)) continue
    if (wasKilled && !WRITES.has(name)) continue
    if (name === 'fdatasync' || name === 'fsync') events.push({ kind: 'flush', file })
    else if (name === 'ftruncate') {
      // Only ever longer: zeros up to there.
      const offset = Number(args.slice(args.lastIndexOf(',') + 1)) - 1
      events.push({ kind: 'write', file, offset, data: Buffer.of(0), synchronous: false })
    } else if (WRITES.has(name)) {
      const inPlace = name.startsWith('p')
      const offset = inPlace ? Number(args.split(',').at(name === 'pwritev2' ? -2 : -1)) : open.position
      if (wasKilled) {
        killed.push({ kind: 'write', file, offset, data, synchronous: false })
        continue
      }
      if (!inPlace) open.position += result
      events.push({ kind: 'write', file, offset, data: data.subarray(0, result), synchronous: open.synchronous })
    } else throw new Error(`${name}(${args}) is not understood`)
  }
  // Of a write in which the process was killed, that has arrived in the page cache which is found there afterwards.
  for (const { file, offset, data } of killed) {
    const arrived = left(file).subarray(offset, offset + data.length)
    if (arrived.length > 0) events.push({ kind: 'write', file, offset, data: arrived, synchronous: false })
  }
  return events
}

/** One file as a power cut finds it: what is durable, and what was written since. */
export interface DiskFile {
  durable: Buffer
  readonly pending: Write[]
}

/** All files after each event; a synchronous write is durable once the next event begins. */
export class ClusterDisk {
  readonly files = new Map<string, DiskFile>()
  /** Of every group, the last acknowledged instance and total. */
  readonly acked = new Map<number, { readonly instance: number; readonly total: number }>()
  isBorn = false
  #settled: Write | undefined

  apply(event: ClusterEvent): void {
    if (this.#settled !== undefined) settle(this.#file(this.#settled.file), this.#settled)
    this.#settled = undefined
    if (event.kind === 'said') {
      const [word, group, instance, total] = event.line.split(' ')
      if (word === 'born') this.isBorn = true
      if (word === 'ack') this.acked.set(Number(group), { instance: Number(instance), total: Number(total) })
      return
    }
    const file = this.#file(event.file)
    if (event.kind === 'write') {
      file.pending.push(event)
      if (event.synchronous) this.#settled = event
    } else {
      for (const write of file.pending) file.durable = applyWrite(file.durable, write.offset, write.data)
      file.pending.length = 0
    }
  }

  #file(name: string): DiskFile {
    const known = this.files.get(name) ?? { durable: Buffer.alloc(0), pending: [] }
    this.files.set(name, known)
    return known
  }
}

function settle(file: DiskFile, write: Write): void {
  const at = file.pending.indexOf(write)
  if (at < 0) return
  file.pending.splice(at, 1)
  file.durable = applyWrite(file.durable, write.offset, write.data)
}

/** The least that a device writes as a whole, and what most of them do. */
const SECTORS = [512, 4096]

/** What a power cut may leave of a file: of what was not flushed any part. */
export function cut(file: DiskFile, random: Random): Buffer {
  let left: Buffer = Buffer.from(file.durable)
  const kind = random.below(4)
  for (const { offset, data } of file.pending) {
    const sector = SECTORS[random.below(SECTORS.length)] as number
    const keep = kind === 0 ? 0 : kind === 1 ? 1 : random.between(0, 1)
    const first = Math.floor(offset / sector)
    const last = Math.floor((offset + data.length - 1) / sector)
    for (let at = first; at <= last; at++) {
      if (!random.chance(keep)) continue
      const from = Math.max(0, at * sector - offset)
      const to = Math.min(data.length, (at + 1) * sector - offset)
      left = applyWrite(left, offset + from, data.subarray(from, to))
    }
  }
  return left
}
