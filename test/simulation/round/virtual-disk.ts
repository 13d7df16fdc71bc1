import type { Random } from '../../../src/base/random.js'

/** What one transaction changes: the new value of each key, or undefined where it is removed. */
export type Changes = ReadonlyMap<string, Uint8Array | undefined>

/** What a store has on its disk. It keeps what was flushed and nothing else, whatever becomes of the process. */
export class VirtualDisk {
  readonly values = new Map<string, Uint8Array>()
  /** Transactions that became durable. */
  transactions = 0
  isFull = false
  /** Which of the writes to come fails with an error of the device, 1 being the next; 0: none. */
  failingWrite = 0
  failNextRead = false
  private before: Changes = new Map()

  apply(changes: Changes): void {
    const before = new Map<string, Uint8Array | undefined>()
    for (const [key, value] of changes) {
      before.set(key, this.values.get(key))
      this.set(key, value)
    }
    this.before = before
    this.transactions++
  }

  flipBit(key: string, random: Random): void {
    const value = this.values.get(key)
    if (value === undefined || value.length === 0) throw new Error('no value to damage')
    const flipped = value.slice()
    const at = random.below(flipped.length)
    flipped[at] = (flipped[at] as number) ^ (1 << random.below(8))
    this.values.set(key, flipped)
  }

  /** The keys that the last transaction changed. */
  lastChanged(): string[] {
    return [...this.before.keys()]
  }

  /** As if one write of the last transaction had never reached the platters, though the device said so. */
  forget(key: string): void {
    this.set(key, this.before.get(key))
  }

  /** Another device in its place. */
  wipe(): void {
    this.values.clear()
    this.before = new Map()
  }

  private set(key: string, value: Uint8Array | undefined): void {
    if (value === undefined) this.values.delete(key)
    else this.values.set(key, value)
  }
}
