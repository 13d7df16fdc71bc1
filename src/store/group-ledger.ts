import { assert } from '../base/assert.js'
import type { GroupIndex, Instance } from '../base/numbers.js'
import type { Head } from '../core/durable.js'
import type { GroupWrite } from './log-store.js'

/**
 * What a store remembers of one group between commits: the head it last wrote, and the crc of every record of the
 * accepted tail, so that the digest costs one addition per record, however long the tail is.
 *
 * The digest is a plain sum modulo 2^32: each crc covers its record's group and instance, so order needs no help.
 */
export class GroupLedger {
  readonly group: GroupIndex
  head: Head
  /** The commit that last wrote this group, to notice a group that stands twice in one. */
  lastCommit = -1
  /** A moving average of the size of records. */
  meanBytes = 100
  /** No record below it is stored any more. */
  trimmedTo: Instance
  /** The crcs of the tail, a circular array: instance `i` stands at `i & (length - 1)`. */
  #crcs = new Uint32Array(64)
  #first: Instance
  #last: Instance
  #digest = 0

  constructor(group: GroupIndex, head: Head, trimmedTo: Instance) {
    this.group = group
    this.head = head
    this.trimmedTo = trimmedTo
    this.#first = head.chosenUpTo + 1
    this.#last = head.chosenUpTo
  }

  get digest(): number {
    return this.#digest
  }

  /** Refuses what would lose something, before anything is written. */
  check({ group, records, head }: GroupWrite): void {
    const was = this.head
    const at = `group ${group}:`
    assert(Number.isSafeInteger(head.promised), `${at} promised ${head.promised} cannot be written`)
    assert(head.promised >= was.promised, `${at} promised may not go from ${was.promised} to ${head.promised}`)
    assert(
      head.chosenUpTo >= was.chosenUpTo,
      `${at} chosenUpTo may not go from ${was.chosenUpTo} to ${head.chosenUpTo}`,
    )
    assert(head.firstKept >= was.firstKept, `${at} firstKept may not go from ${was.firstKept} to ${head.firstKept}`)
    assert(head.firstKept <= head.chosenUpTo + 1, `${at} firstKept ${head.firstKept} would cut what is not chosen`)
    assert(head.lastAccepted >= head.chosenUpTo, `${at} lastAccepted ${head.lastAccepted} below chosenUpTo`)
    let reach = Math.max(this.#last, head.chosenUpTo)
    for (const { instance, ballot } of records) {
      assert(instance > 0, `${at} a record without an instance`)
      assert(ballot > 0 || instance <= head.chosenUpTo, `${at} record ${instance} is stored as chosen above chosenUpTo`)
      assert(instance <= reach + 1, `${at} record ${instance} leaves a gap behind ${reach}`)
      if (instance === reach + 1) reach = instance
    }
    assert(head.lastAccepted <= reach, `${at} lastAccepted ${head.lastAccepted}, but records end at ${reach}`)
  }

  /** A record of the tail was written; those at or below the head's `chosenUpTo` need no entry. */
  note(instance: Instance, crc: number): void {
    if (instance < this.#first) return
    if (instance > this.#last) {
      if (instance - this.#first >= this.#crcs.length) this.#grow(instance - this.#first + 1)
      this.#last = instance
    } else this.#drop(instance)
    this.#crcs[instance & (this.#crcs.length - 1)] = crc
    this.#digest = (this.#digest + crc) >>> 0
  }

  /** Makes room for the tail above `chosenUpTo`; to be called before the records of the same write are noted. */
  advance(chosenUpTo: Instance): void {
    const until = Math.min(chosenUpTo, this.#last)
    for (let i = this.#first; i <= until; i++) this.#drop(i)
    this.#first = chosenUpTo + 1
    if (this.#last < chosenUpTo) this.#last = chosenUpTo
  }

  /** After the records: what lies above the head's `lastAccepted` was made void by a change of membership. */
  settle(head: Head): void {
    while (this.#last > head.lastAccepted) this.#drop(this.#last--)
    this.head = head
  }

  #drop(instance: Instance): void {
    this.#digest = (this.#digest - (this.#crcs[instance & (this.#crcs.length - 1)] ?? 0)) >>> 0
  }

  #grow(needed: number): void {
    let length = this.#crcs.length
    while (length < needed) length *= 2
    const grown = new Uint32Array(length)
    for (let i = this.#first; i <= this.#last; i++)
      grown[i & (length - 1)] = this.#crcs[i & (this.#crcs.length - 1)] ?? 0
    this.#crcs = grown
  }
}
