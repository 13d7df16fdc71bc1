import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../src/base/random.js'
import type { BenchOptions } from './bench-options.js'
import { BULK_COMMAND_BYTES } from './bulk-machine.js'
import type { Cluster } from './cluster.js'
import { Load, type LoadEnd } from './load.js'
import type { ProcessSample, Subject } from './measure.js'

export const VALUE_BYTES = 1024
/** What a put adds to a state: its value, and a key of eleven letters. */
const ENTRY_BYTES = VALUE_BYTES + 11
/** Calls of the filling: large, and enough of them that the cluster is never without work. */
const FILL_MANY = 64
const FILL_CALLERS = 64
const PATIENCE_MS = 120_000

/** The stored state of a cluster, which grows on demand. Its values are made by the machine: commands are eight bytes. */
export class GrowingState {
  readonly #cluster: Cluster
  readonly #groups: number
  readonly #random = new Random(1)
  /** Of each group: keys from 0 up to this one are there. */
  #keys = 0

  constructor(cluster: Cluster, groups: number) {
    this.#cluster = cluster
    this.#groups = groups
  }

  /** New keys in ascending order, until there are so many megabytes of keys and values in all groups together. */
  async fill(megabytes: number, signal: AbortSignal): Promise<void> {
    const wanted = Math.ceil((megabytes * 1e6) / ENTRY_BYTES / this.#groups)
    const callers = Array.from({ length: this.#groups * FILL_CALLERS }, (_, i) => i)
    const next = new Array<number>(this.#groups).fill(this.#keys)
    await Promise.all(callers.map((i) => this.#fillGroup(i % this.#groups, next, wanted, signal)))
    this.#keys = Math.max(this.#keys, wanted)
  }

  async #fillGroup(group: number, next: number[], wanted: number, signal: AbortSignal): Promise<void> {
    const handle = this.#cluster.local.group(group)
    while (next[group]! < wanted && !signal.aborted) {
      const first = next[group]!
      const count = Math.min(FILL_MANY, wanted - first)
      next[group]! += count
      const commands = Array.from({ length: count }, (_, i) => write(new Uint8Array(BULK_COMMAND_BYTES), first + i))
      const isIn = async () => {
        const ends = await handle.proposeMany(commands, { timeoutMs: PATIENCE_MS }).catch(() => undefined)
        return ends?.every((end) => !('error' in end)) ?? false
      }
      // Once more does no harm: the same key gets the same value.
      while (!(await isIn()) && !signal.aborted) await sleep(100)
    }
    signal.throwIfAborted()
  }

  /** A load of puts to random ones of its first `keys` keys of each group, all of them if that is left out. */
  puts(keys: number = this.#keys): Subject {
    const { local } = this.#cluster
    const range = Math.min(keys, this.#keys)
    const groups = Array.from({ length: this.#groups }, (_, group) => local.group(group))
    const put = (command: unknown) => write(command as Uint8Array, this.#random.below(range))
    return {
      name: 'puts',
      samples: (): Promise<ProcessSample[]> => this.#cluster.samples(),
      loads: ({ callers, many }: BenchOptions): LoadEnd[] => {
        const target = {
          groups: groups.length,
          propose: (group: number, command: unknown) => groups[group]!.propose(put(command)),
          proposeMany: (group: number, commands: readonly unknown[]) => groups[group]!.proposeMany(commands.map(put)),
          read: () => Promise.reject(new Error('nothing is read here')),
        }
        return [new Load(target, { callers, many, bytes: BULK_COMMAND_BYTES })]
      },
    }
  }
}

function write(command: Uint8Array, key: number): Uint8Array {
  const view = new DataView(command.buffer, command.byteOffset, command.length)
  view.setUint32(0, key, true)
  view.setUint32(4, VALUE_BYTES, true)
  return command
}
