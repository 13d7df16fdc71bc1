import type { Random } from '../../../src/base/random.js'
import { applyWrite, type DiskEvent } from './disk-history.js'

/** A state of the file that a power cut may leave, and what the process had said before it. */
export interface Image {
  readonly name: string
  readonly file: Buffer
  readonly said: readonly string[]
}

/** The least that a device writes as a whole. LMDB's meta page fits into one. */
const SECTOR = 512

type Write = Extract<DiskEvent, { kind: 'write' }>

/** Which of the sectors of a write that was not flushed reached the disk. */
const tears: Record<string, (sectors: number, random: Random) => (sector: number) => boolean> = {
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
}

/**
 * Images of power cuts during the events of `history`: what was flushed by then, and of the writes since then all, none,
 * and `variants` times any part of any subset; of all these a seeded choice of about `most`. A synchronous write is
 * durable once the next event begins.
 */
export function* powerCuts(
  history: readonly DiskEvent[],
  variants: number,
  most: number,
  random: Random,
): Generator<Image> {
  const possible = history.filter(({ kind }) => kind !== 'said').length * (variants + 2)
  let durable: Buffer = Buffer.alloc(0)
  let pending: Write[] = []
  const said: string[] = []
  let born = false
  for (const [at, event] of history.entries()) {
    if (event.kind === 'said') {
      said.push(event.line)
      continue
    }
    if (event.kind === 'born') born = true
    if (event.kind === 'write') pending.push(event)
    for (let variant = -2; born && variant < variants && pending.length > 0; variant++) {
      if (!random.chance(most / possible)) continue
      let file: Buffer = Buffer.from(durable)
      for (const write of pending) {
        const how = variant === -2 ? 'lost' : variant === -1 ? 'whole' : pick(Object.keys(tears), random)
        file = tear(file, write, how, random)
      }
      yield { name: `event ${at}, variant ${variant}`, file, said: [...said] }
    }
    if (event.kind === 'flush') {
      for (const { offset, data } of pending) durable = applyWrite(durable, offset, data)
      pending = []
    } else if (event.kind === 'write' && event.synchronous) {
      pending.pop()
      durable = applyWrite(durable, event.offset, event.data)
    }
  }
}

function tear(file: Buffer, { offset, data }: Write, how: string, random: Random): Buffer {
  // Sectors of the device, not of the write.
  const first = Math.floor(offset / SECTOR)
  const sectors = Math.ceil((offset + data.length) / SECTOR) - first
  const kept = tears[how]?.(sectors, random)
  let torn = file
  for (let sector = 0; sector < sectors; sector++) {
    if (kept?.(sector) !== true) continue
    const from = Math.max(0, (first + sector) * SECTOR - offset)
    const to = Math.min(data.length, (first + sector + 1) * SECTOR - offset)
    torn = applyWrite(torn, offset + from, data.subarray(from, to))
  }
  return torn
}

function pick<T>(from: readonly T[], random: Random): T {
  return from[random.below(from.length)] as T
}
