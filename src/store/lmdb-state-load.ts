import { assert } from '../base/assert.js'
import type { GroupIndex } from '../base/numbers.js'
import type { BlockWriter } from './state-block-writer.js'
import type { BlockRef } from './state-head.js'
import type { StateEntry, StateLoad, StatePosition } from './state-store.js'
import { treeKey } from './state-tree.js'
import { TreeBuilder } from './state-tree-builder.js'
import { checkStateEntry } from './state-write-check.js'

/** What the store does for a load. */
export interface LoadPort {
  /** One durable commit of what the writer has gathered. */
  write(writer: BlockWriter): void
  /** The same, and the group's head names the new tree. */
  finish(writer: BlockWriter, root: BlockRef | undefined, position: StatePosition): void
  /** What was written is garbage. */
  abort(): void
}

export class LmdbStateLoad implements StateLoad {
  readonly #group: GroupIndex
  readonly #writer: BlockWriter
  readonly #builder: TreeBuilder
  readonly #port: LoadPort
  #machine = 0
  #lastKey: Uint8Array | undefined
  #ended = false

  constructor(group: GroupIndex, writer: BlockWriter, port: LoadPort) {
    this.#group = group
    this.#writer = writer
    this.#builder = new TreeBuilder(writer)
    this.#port = port
  }

  add(machine: number, entries: Iterable<StateEntry>): void {
    this.#open()
    assert(
      machine >= this.#machine,
      `group ${this.#group}: machine ${machine} is loaded behind machine ${this.#machine}`,
    )
    if (machine !== this.#machine) this.#lastKey = undefined
    this.#machine = machine
    for (const { key, value } of entries) {
      checkStateEntry(this.#group, machine, key, value, this.#lastKey)
      this.#lastKey = new Uint8Array(key)
      this.#builder.add(treeKey(machine, key), value)
    }
    this.#port.write(this.#writer)
  }

  finish(position: StatePosition): void {
    this.#open()
    this.#ended = true
    this.#port.finish(this.#writer, this.#builder.finish(), position)
  }

  abort(): void {
    if (this.#ended) return
    this.#ended = true
    this.#port.abort()
  }

  #open(): void {
    assert(!this.#ended, `group ${this.#group}: the load has ended`)
  }
}
