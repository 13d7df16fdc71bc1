import { defineStateMachine } from '../../src/index.js'
import { answerQuery, type Entries, type Entry, executeCommand } from './kv-commands.js'

interface Saved {
  readonly entries: readonly (readonly [string, number, Uint8Array])[]
  readonly highestRemoved: number
}

class MemoryEntries implements Entries {
  readonly #entries: Map<string, Entry>
  highestRemoved: number

  constructor({ entries, highestRemoved }: Saved) {
    this.#entries = new Map(entries.map(([key, version, value]) => [key, { version, value }]))
    this.highestRemoved = highestRemoved
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  put(key: string, version: number, value: Uint8Array): void {
    this.#entries.set(key, { version, value: new Uint8Array(value) })
  }

  remove(key: string): void {
    this.#entries.delete(key)
  }

  get saved(): Saved {
    const entries = [...this.#entries].map(([key, { version, value }]) => [key, version, value] as const)
    return { entries, highestRemoved: this.highestRemoved }
  }
}

/** All entries in the memory of the group's thread: for data that fits there many times over. */
export default defineStateMachine({
  id: 1,
  codec: 'bytes',
  create: () => new MemoryEntries({ entries: [], highestRemoved: 0 }),
  execute: (entries, command: Uint8Array) => executeCommand(entries, command),
  query: (entries, key: Uint8Array) => answerQuery(entries, key),
  snapshot: (entries) => entries.saved,
  restore: (saved) => new MemoryEntries(saved as Saved),
})
