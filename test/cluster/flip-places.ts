import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Random } from '../../src/base/random.js'
import { lmdbPlaces, type Place, type PlacesOfFile } from './lmdb-places.js'

/** How often each kind of place is drawn. */
const WEIGHTS = {
  'log record': 5,
  'log head': 4,
  'log index': 4,
  'log meta': 2,
  'log identity': 1,
  'log journal': 4,
  'state block': 5,
  'state head': 3,
  'state index': 4,
  'state meta': 2,
  'state identity': 1,
  'checkpoint manifest': 3,
  'checkpoint data': 3,
  'manifest.json': 2,
  'last-life': 1,
  'lock.mdb': 1,
  'any byte': 3,
} as const

export type PlaceKind = keyof typeof WEIGHTS

export interface Flip {
  readonly kind: PlaceKind
  /** Within the data directory. */
  readonly file: string
  readonly at: number
  /** Exclusive or with the byte that is there. */
  readonly mask: number
}

/** A data directory as bytes of different importance. Nobody may have it open. */
export class FlipPlaces {
  readonly #dataDir: string
  readonly #places = new Map<PlaceKind, Place[]>()

  constructor(dataDir: string) {
    this.#dataDir = dataDir
    for (const name of readdirSync(dataDir, { recursive: true, encoding: 'utf8' })) {
      const file = join(dataDir, name)
      if (!statSync(file).isFile() || statSync(file).size === 0) continue
      this.#add('any byte', [whole(file)])
      if (name.endsWith('data.mdb')) this.#addEnvironment(file, name.includes('/state/') ? 'state' : 'log')
      else if (name.endsWith('log/journal')) this.#add('log journal', [whole(file)])
      else if (name.endsWith('lock.mdb')) this.#add('lock.mdb', [whole(file)])
      else if (/checkpoints\/group-\d+\/\d+\/manifest$/.test(name)) this.#add('checkpoint manifest', [whole(file)])
      else if (/checkpoints\/group-\d+\/\d+\/data$/.test(name)) this.#add('checkpoint data', [whole(file)])
      else if (name === 'manifest.json' || name === 'last-life') this.#add(name, [whole(file)])
    }
  }

  get kinds(): PlaceKind[] {
    return [...this.#places.keys()]
  }

  /** First a kind, then a piece of it, then a byte of that: a large record is not hit more often than a small one. */
  draw(random: Random): Flip {
    const tickets = this.kinds.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind))
    const kind = tickets[random.below(tickets.length)]!
    const places = this.#places.get(kind)!
    const { file, at, bytes } = places[random.below(places.length)]!
    const mask = random.chance(0.5) ? 1 << random.below(8) : 1 + random.below(255)
    return { kind, file: relative(this.#dataDir, file), at: at + random.below(bytes), mask }
  }

  #addEnvironment(file: string, name: 'log' | 'state'): void {
    const { meta, index, heads, values, store }: PlacesOfFile = lmdbPlaces(file)
    this.#add(`${name} meta`, meta)
    this.#add(`${name} index`, index)
    this.#add(`${name} head`, heads)
    this.#add(name === 'log' ? 'log record' : 'state block', values)
    this.#add(`${name} identity`, store)
  }

  #add(kind: PlaceKind, places: readonly Place[]): void {
    if (places.length > 0) this.#places.set(kind, [...(this.#places.get(kind) ?? []), ...places])
  }
}

export function flip(dataDir: string, { file, at, mask }: Flip): void {
  const path = join(dataDir, file)
  const bytes = readFileSync(path)
  bytes[at] = bytes[at]! ^ mask
  writeFileSync(path, bytes)
}

/** Folders of ended voters. */
export function hasEndedVoter(dataDir: string): boolean {
  return existsSync(join(dataDir, 'damaged-1'))
}

function whole(file: string): Place {
  return { file, at: 0, bytes: statSync(file).size }
}
