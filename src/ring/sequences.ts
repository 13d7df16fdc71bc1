import type { GroupIndex } from '../base/numbers.js'
import { allocateCounters, Counters } from './counters.js'

/** For one worker of a process, whatever becomes of its threads. */
export function allocateSequences(groups: readonly GroupIndex[]): SharedArrayBuffer {
  return allocateCounters(groups.map(String))
}

/**
 * The sequences of this node's own commands, of whichever source, in each group of a worker. They are given here, in the
 * order in which runs are cut; and never twice in the life of the process, for its sessions outlive the worker's thread: a
 * sequence below the floor of its session is taken for executed.
 */
export class Sequences {
  readonly #counters: Counters

  constructor(memory: SharedArrayBuffer, groups: readonly GroupIndex[]) {
    this.#counters = new Counters(memory, groups.map(String))
  }

  /** The first of the next `count` sequences of a group. */
  take(group: GroupIndex, count: number): number {
    const cell = this.#counters.cell[group] as number
    this.#counters.add(cell, count)
    return this.#counters.read(cell) - count + 1
  }
}
