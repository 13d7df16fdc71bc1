import { fail } from './codec-error.js'
import { COMMAND_HEADER_BYTES, writeCommandAt } from './command-body.js'
import { bodyWithRoom } from './commands.js'
import { checkWithin, MAX_U16, MAX_U32 } from './integers.js'
import { allocateBytes, copyBytes } from './own-bytes.js'

const FIRST_BYTES = 64 * 1024
// One giant command must not keep its memory for the life of the worker.
const KEPT_BYTES = 4 * 1024 * 1024

/** Gathers the commands of one run, straight from the slots of the command ring, in one buffer that it reuses. */
export class RunBuilder {
  #bytes = allocateBytes(FIRST_BYTES)
  #length = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Of the body so far. */
  get byteLength(): number {
    return this.#length
  }

  add(machineId: number, flags: number, source: Uint8Array, offset: number, length: number): void {
    checkWithin(machineId, MAX_U16, 'a machine id')
    if (!(offset >= 0 && length >= 0 && offset + length <= source.length)) fail('TRUNCATED', 'a payload is cut')
    const end = this.#length + COMMAND_HEADER_BYTES + length
    if (end > this.#bytes.length) this.#grow(end)
    this.#length = writeCommandAt(this.#bytes, this.#length, machineId, flags, source, offset, length)
    this.#count++
  }

  /** `count` commands that stand in `source` as they do in a body. */
  addAll(count: number, source: Uint8Array, offset: number, length: number): void {
    const end = this.#length + length
    if (end > this.#bytes.length) this.#grow(end)
    copyBytes(source, offset, length, this.#bytes, this.#length)
    this.#length = end
    this.#count += count
  }

  /** The body, as bytes of its own with room for the header of its run; the builder is empty again. */
  take(): Uint8Array {
    const body = bodyWithRoom(this.#length)
    copyBytes(this.#bytes, 0, this.#length, body, 0)
    this.clear()
    return body
  }

  clear(): void {
    this.#length = 0
    this.#count = 0
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = allocateBytes(FIRST_BYTES)
  }

  #grow(needed: number): void {
    if (needed > MAX_U32) fail('TOO_LARGE', `a run of ${needed} bytes`)
    const grown = allocateBytes(Math.max(needed, this.#bytes.length * 2))
    copyBytes(this.#bytes, 0, this.#length, grown, 0)
    this.#bytes = grown
  }
}
