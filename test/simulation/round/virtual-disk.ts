import type { Random } from '../../../src/base/random.js'
import { getU32 } from '../../../src/codec/little-endian.js'

/** What one transaction changes: the new value of each key, or undefined where it is removed. */
export type Changes = ReadonlyMap<string, Uint8Array | undefined>

const KEPT_NOTES = 20
/** The least that a device writes as a whole. */
const SECTOR = 512
/** Of the layout of an entry (src/store/journal-entry.ts). */
const ENTRY_HEAD_BYTES = 32
const ENTRY_LENGTH_AT = 24

/** What a store has on its disk. It keeps what was flushed and nothing else, whatever becomes of the process. */
export class VirtualDisk {
  readonly values = new Map<string, Uint8Array>()
  /** Transactions that became durable. */
  transactions = 0
  isFull = false
  /** Which of the writes to come fails with an error of the device, 1 being the next; 0: none. */
  failingWrite = 0
  failNextRead = false
  /** The file of the journal. */
  journal: Uint8Array | undefined
  /** What was written to its beginning without a flush, in order: after a power cut any one of these may be there. */
  notes: Uint8Array[] = []
  isClosing = false
  /** The power went, and nobody has written since. */
  hasLostPower = false
  private newest = { at: 0, bytes: 1 }
  private before: Changes = new Map()

  apply(changes: Changes): void {
    const before = new Map<string, Uint8Array | undefined>()
    for (const [key, value] of changes) {
      before.set(key, this.values.get(key))
      this.set(key, value)
    }
    this.before = before
    this.hasLostPower = false
    this.transactions++
  }

  writeJournal(at: number, bytes: Uint8Array): void {
    this.journal?.set(bytes, at)
    this.newest = { at, bytes: usedBytes(bytes) }
    this.transactions++
  }

  /** Some sectors of a write. What is left out may be what nobody reads, or what was there already: then it arrived as well. */
  tearJournal(at: number, bytes: Uint8Array, random: Random): void {
    const sectors = Math.ceil(bytes.length / SECTOR)
    const missing = random.below(sectors)
    for (let sector = 0; sector < sectors; sector++) {
      if (sector === missing || random.chance(0.5)) continue
      const from = sector * SECTOR
      this.journal?.set(bytes.subarray(from, from + SECTOR), at + from)
    }
    const used = usedBytes(bytes)
    const arrived = this.journal?.subarray(at, at + used) ?? new Uint8Array(0)
    if (Buffer.compare(arrived, bytes.subarray(0, used)) === 0) this.transactions++
  }

  noteJournal(at: number, bytes: Uint8Array): void {
    this.journal?.set(bytes, at)
    this.notes.push(bytes.slice())
    if (this.notes.length > KEPT_NOTES) this.notes.shift()
  }

  /** The power went: what was not flushed may be an older one. */
  losePower(random: Random): void {
    this.hasLostPower = true
    const note = this.notes[random.below(this.notes.length)]
    if (note !== undefined) this.journal?.set(note)
    if (note !== undefined) this.notes = [note]
  }

  /** One bit of the newest entry, or of any part of the journal that was ever written. */
  flipJournalBit(random: Random): void {
    const { journal, newest } = this
    if (journal === undefined) return
    let used = journal.length
    while (used > 0 && journal[used - 1] === 0) used--
    const at = random.chance(0.7) ? newest.at + random.below(newest.bytes) : random.below(used)
    journal[at] = (journal[at] as number) ^ (1 << random.below(8))
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
    this.journal = undefined
    this.before = new Map()
  }

  private set(key: string, value: Uint8Array | undefined): void {
    if (value === undefined) this.values.delete(key)
    else this.values.set(key, value)
  }
}

/** Of an entry, without what is left of its last block. */
function usedBytes(entry: Uint8Array): number {
  return ENTRY_HEAD_BYTES + getU32(entry, ENTRY_LENGTH_AT)
}
