import type { GroupIndex, Millis } from '../base/numbers.js'
import { COMMAND_HEADER_BYTES, writeCommandAt } from '../codec/command-body.js'
import { COMMANDS_HEAD_BYTES, RECORD_KIND, writeCommands } from '../codec/worker-records.js'
import type { RingProducer } from '../ring/spsc-ring.js'

/** One record holds no more of the commands of a group, so that the worker does not wait for the last one of many. */
export const MANY_BYTES = 32 * 1024

/**
 * Commands of single calls that come one after another for one group, in one record of the command ring: in the form of a
 * run's body, which the worker copies at once. The record is claimed as long as it may become; until `close` ends it, nothing
 * else can be written into the ring, and nothing of it is published.
 */
export class CommandBatch {
  readonly #ring: RingProducer
  readonly #bound: number
  #group: GroupIndex = 0
  /** Where the record's payload begins; -1: there is no record. */
  #begin = -1
  #at = 0
  #end = 0
  #first = 0
  #count = 0
  /** The latest of all. */
  #deadline: Millis = 0

  constructor(ring: RingProducer) {
    this.#ring = ring
    this.#bound = Math.min(MANY_BYTES, ring.maxRecordBytes)
  }

  /** False: the command does not fit into what the ring can give now, and there is no record at hand. */
  add(
    group: GroupIndex,
    sequence: number,
    deadline: Millis,
    machineId: number,
    flags: number,
    bytes: Uint8Array,
  ): boolean {
    const length = COMMAND_HEADER_BYTES + bytes.length
    const follows = group === this.#group && sequence === this.#first + this.#count && this.#at + length <= this.#end
    if (this.#begin < 0 || !follows) {
      this.close()
      if (COMMANDS_HEAD_BYTES + length > this.#bound || !this.#open(group, sequence, deadline)) return false
    }
    this.#at = writeCommandAt(this.#ring.bytes, this.#at, machineId, flags, bytes, 0, bytes.length)
    this.#count++
    if (deadline > this.#deadline) this.#deadline = deadline
    return true
  }

  /** To be called before anything else is done with the ring. */
  close(): void {
    if (this.#begin < 0) return
    writeCommands(this.#ring.view, this.#begin, this.#group, this.#count, this.#first, this.#deadline)
    this.#ring.commit(this.#at - this.#begin)
    this.#begin = -1
  }

  #open(group: GroupIndex, sequence: number, deadline: Millis): boolean {
    const at = this.#ring.tryClaim(RECORD_KIND.commands, this.#bound)
    if (at < 0) return false
    this.#group = group
    this.#begin = at
    this.#at = at + COMMANDS_HEAD_BYTES
    this.#end = at + this.#bound
    this.#first = sequence
    this.#count = 0
    this.#deadline = deadline
    return true
  }
}
