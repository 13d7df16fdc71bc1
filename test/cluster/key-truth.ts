import { crc32 } from 'node:zlib'
import { routeKey } from '../../src/host/routing.js'

/** What a key holds: its version and the crc32 of its value; undefined: it is not there. */
export interface Held {
  readonly version: number
  readonly crc: number
}

interface Write {
  readonly instance: number
  readonly held: Held | undefined
}

/** One entry of a scan. */
export type Entry = readonly [key: string, version: number, crc: number]

/** What every key held from which instance of its group's log on, as the acknowledgements say. */
export class KeyTruth {
  readonly #groups: number
  readonly #writes = new Map<string, Write[]>()
  readonly #unknown = new Set<string>()

  constructor(groups: number) {
    this.#groups = groups
  }

  /** Of which everything is known. */
  get keys(): string[] {
    return [...this.#writes.keys()]
  }

  /** A write of it ended without an answer: nothing is said about it any more. */
  forget(key: string): void {
    this.#writes.delete(key)
    this.#unknown.add(key)
  }

  wrote(key: string, instance: number, version: number, value: string | undefined): void {
    const held = value === undefined ? undefined : { version, crc: crc32(value) }
    const writes = this.#writes.get(key) ?? []
    this.#writes.set(key, [...writes, { instance, held }])
  }

  now(key: string): Held | undefined {
    return this.#writes.get(key)?.at(-1)?.held
  }

  /** How a scan differs from what the group holds now; empty if it does not. */
  differences(group: number, scan: readonly Entry[]): string[] {
    const found = this.#entries(scan)
    const missing = this.#keysOf(group).filter((key) => !isSame(found.get(key), this.now(key)))
    const extra = [...found.keys()].filter((key) => !this.#writes.has(key))
    const show = (key: string) => `${key}: ${text(found.get(key))}, and not ${text(this.now(key))}`
    return [...missing, ...extra].map(show)
  }

  /**
   * Whether a scan is what the group held at any one instance, and why not. Within an instance commands may be executed
   * one by one, so what was before and what is after it pass for it alike.
   */
  flawsAsOfAnyTime(group: number, scan: readonly Entry[]): string[] {
    const found = this.#entries(scan)
    const flaws: string[] = [...found.keys()].filter((key) => !this.#writes.has(key)).map((key) => `${key} never was`)
    let from = 0
    let upTo = Number.POSITIVE_INFINITY
    for (const [key, held] of found) {
      const [time] = this.#times(key, held)
      if (time === undefined) flaws.push(`${key} never was ${text(held)}`)
      from = Math.max(from, time?.from ?? 0)
      upTo = Math.min(upTo, time?.upTo ?? Number.POSITIVE_INFINITY)
    }
    if (from > upTo) flaws.push(`one key is as of instance ${from} or later, another one as of ${upTo} at the latest`)
    for (const key of this.#keysOf(group)) {
      if (found.has(key)) continue
      if (this.#times(key, undefined).some((time) => time.from <= upTo && time.upTo >= from)) continue
      flaws.push(`${key} is missing as of ${from} to ${upTo}`)
    }
    return flaws
  }

  #entries(scan: readonly Entry[]): Map<string, Held> {
    const known = scan.filter(([key]) => !this.#unknown.has(key))
    return new Map(known.map(([key, version, crc]) => [key, { version, crc }]))
  }

  #keysOf(group: number): string[] {
    return this.keys.filter((key) => routeKey(key, this.#groups) === group)
  }

  /** When a key held this. */
  #times(key: string, held: Held | undefined): { from: number; upTo: number }[] {
    const writes: Write[] = [{ instance: 0, held: undefined }, ...(this.#writes.get(key) ?? [])]
    return writes.flatMap((write, i) => {
      if (!isSame(write.held, held)) return []
      return [{ from: write.instance, upTo: writes[i + 1]?.instance ?? Number.POSITIVE_INFINITY }]
    })
  }
}

export function isSame(one: Held | undefined, other: Held | undefined): boolean {
  return one?.version === other?.version && one?.crc === other?.crc
}

function text(held: Held | undefined): string {
  return held === undefined ? 'absent' : `version ${held.version} with crc ${held.crc}`
}
