import type { Random } from '../../../src/base/random.js'
import { applyWrite, type DiskEvent } from './disk-history.js'

/** A state of the files that a power cut may leave, and what the process had said before it. */
export interface Image {
  readonly name: string
  readonly files: ReadonlyMap<string, Buffer>
  readonly said: readonly string[]
}

/** The least that a device writes as a whole. LMDB's meta page fits into one, and so does the mark of a journal. */
const SECTOR = 512

type Write = Extract<DiskEvent, { kind: 'write' }>

/** Which of the sectors of a write that was not flushed reached the disk. */
const tears = {
  lost: () => () => false,
  whole: () => () => true,
  prefix: (sectors, random) => {
    const upTo = random.below(sectors)
    return (sector) => sector < upTo
  },
  suffix: (sectors, random) => {
    const from = random.below(sectors) + 1
    return (sector) => sector >= from
  },
  hole: (sectors, random) => {
    const hole = random.below(sectors)
    return (sector) => sector !== hole
  },
  single: (sectors, random) => {
    const only = random.below(sectors)
    return (sector) => sector === only
  },
  scattered: (sectors, random) => {
    const kept = Array.from({ length: sectors }, () => random.chance(0.5))
    return (sector) => kept[sector] === true
  },
} satisfies Record<string, (sectors: number, random: Random) => (sector: number) => boolean>

type Tear = keyof typeof tears
const TEARS = Object.keys(tears) as Tear[]

/** What is durable of a file, and what was written to it since. */
interface DiskFile {
  durable: Buffer
  pending: Write[]
}

/** The files of a directory while their history goes on. */
class Disk {
  #names = new Map<string, DiskFile>()
  /** As the disk has them, while it does not have the newest. */
  #durableNames: ReadonlyMap<string, DiskFile> | undefined

  /** Something may be lost. */
  get isOpen(): boolean {
    if (this.#durableNames !== undefined) return true
    return [...this.#names.values()].some(({ pending }) => pending.length > 0)
  }

  begin(event: DiskEvent): void {
    if (event.kind === 'write') this.#file(event.file).pending.push(event)
    if (event.kind !== 'renamed') return
    this.#durableNames ??= new Map(this.#names)
    this.#names.set(event.to, this.#file(event.file))
    this.#names.delete(event.file)
  }

  end(event: DiskEvent): void {
    if (event.kind === 'named') this.#durableNames = undefined
    if (event.kind === 'flush') {
      const file = this.#file(event.file)
      for (const { offset, data } of file.pending) file.durable = applyWrite(file.durable, offset, data)
      file.pending = []
    }
    if (event.kind === 'write' && event.synchronous) {
      const file = this.#file(event.file)
      file.pending.pop()
      file.durable = applyWrite(file.durable, event.offset, event.data)
    }
  }

  /** `all`: what becomes of everything that was not flushed; otherwise each file, each write and the names have their own fate. */
  cut(all: 'lost' | 'whole' | undefined, random: Random): Map<string, Buffer> {
    const areNamesLost = all === undefined ? random.chance(0.5) : all === 'lost'
    const names = (areNamesLost ? this.#durableNames : undefined) ?? this.#names
    const files = new Map<string, Buffer>()
    for (const [name, { durable, pending }] of names) {
      let bytes: Buffer = Buffer.from(durable)
      const ofFile = all ?? ([undefined, undefined, 'lost', 'whole'] as const)[random.below(4)]
      for (const write of pending) bytes = tear(bytes, write, ofFile ?? pick(TEARS, random), random)
      files.set(name, bytes)
    }
    return files
  }

  #file(name: string): DiskFile {
    const file = this.#names.get(name) ?? { durable: Buffer.alloc(0), pending: [] }
    this.#names.set(name, file)
    return file
  }
}

/**
 * Images of power cuts during the events of `history`: what was flushed by then, and of the writes and names since then all,
 * none, and `variants` times any part of any subset; of all these a seeded choice of about `most`. A synchronous write is
 * durable once the next event begins.
 */
export function* powerCuts(
  history: readonly DiskEvent[],
  variants: number,
  most: number,
  random: Random,
): Generator<Image> {
  const possible = history.filter(({ kind }) => kind !== 'said').length * (variants + 2)
  const disk = new Disk()
  const said: string[] = []
  let born = false
  for (const [at, event] of history.entries()) {
    if (event.kind === 'said') {
      said.push(event.line)
      continue
    }
    if (event.kind === 'born') born = true
    disk.begin(event)
    for (let variant = -2; born && disk.isOpen && variant < variants; variant++) {
      if (!random.chance(most / possible)) continue
      const files = disk.cut(variant === -2 ? 'lost' : variant === -1 ? 'whole' : undefined, random)
      yield { name: `event ${at}, variant ${variant}`, files, said: [...said] }
    }
    disk.end(event)
  }
}

function tear(file: Buffer, { offset, data }: Write, how: Tear, random: Random): Buffer {
  // Sectors of the device, not of the write.
  const first = Math.floor(offset / SECTOR)
  const sectors = Math.ceil((offset + data.length) / SECTOR) - first
  const isKept: (sector: number) => boolean = tears[how](sectors, random)
  let torn = file
  for (let sector = 0; sector < sectors; sector++) {
    if (!isKept(sector)) continue
    const from = Math.max(0, (first + sector) * SECTOR - offset)
    const to = Math.min(data.length, (first + sector + 1) * SECTOR - offset)
    torn = applyWrite(torn, offset + from, data.subarray(from, to))
  }
  return torn
}

function pick<T>(from: readonly T[], random: Random): T {
  return from[random.below(from.length)] as T
}
