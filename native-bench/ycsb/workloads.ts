import type { Random } from '../../src/base/random.js'
import { scrambled, Zipfian } from './zipfian.js'

export const OPERATIONS = ['read', 'update', 'insert', 'readModifyWrite'] as const
export type Operation = (typeof OPERATIONS)[number]

interface Workload {
  /** Of all operations; they add up to 1. */
  readonly shares: Partial<Record<Operation, number>>
  /** Which keys are popular: some anywhere, or those that were inserted last. */
  readonly popular: 'anywhere' | 'latest'
}

/** The core workloads of YCSB but for E, which scans. */
export const WORKLOADS = {
  A: { shares: { read: 0.5, update: 0.5 }, popular: 'anywhere' },
  B: { shares: { read: 0.95, update: 0.05 }, popular: 'anywhere' },
  C: { shares: { read: 1 }, popular: 'anywhere' },
  D: { shares: { read: 0.95, insert: 0.05 }, popular: 'latest' },
  F: { shares: { read: 0.5, readModifyWrite: 0.5 }, popular: 'anywhere' },
} as const satisfies Record<string, Workload>
export type WorkloadName = keyof typeof WORKLOADS

/** Chooses operations and keys. Keys are numbers from 0 on, in the order of their insertion. */
export class Chooser {
  readonly #workload: Workload
  readonly #random: Random
  readonly #zipfian: Zipfian
  readonly #records: number
  readonly #inserted = new Set<number>()
  #present: number
  #next: number

  /** `records`: keys that are there at the start. */
  constructor(workload: Workload, records: number, random: Random) {
    this.#workload = workload
    this.#random = random
    this.#zipfian = new Zipfian(records, random)
    this.#records = records
    this.#present = records
    this.#next = records
  }

  operation(): Operation {
    const shares = Object.entries(this.#workload.shares) as [Operation, number][]
    let rest = this.#random.between(0, 1)
    for (const [operation, share] of shares) {
      if (rest < share) return operation
      rest -= share
    }
    return shares[0]![0]
  }

  /** A key that is there. */
  key(): number {
    if (this.#workload.popular === 'latest') return this.#present - 1 - this.#zipfian.next()
    return scrambled(this.#zipfian.next(), this.#records)
  }

  keyToInsert(): number {
    return this.#next++
  }

  /** An insert was acknowledged: the key may be read as soon as all before it are there. */
  inserted(key: number): void {
    this.#inserted.add(key)
    while (this.#inserted.delete(this.#present)) this.#present++
    this.#zipfian.grow(this.#present)
  }
}
