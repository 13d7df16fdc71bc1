import { Random } from '../../src/base/random.js'
import { Commands, type Encoding } from './commands.js'
import { type CallKind, MANY, READ, WRITE } from './load-counts.js'
import type { LoadTarget } from './load-target.js'

export interface CallShape {
  readonly bytes: number
  /** Commands of one call; 1: each has a promise of its own. */
  readonly many: number
  /** Share of the calls that read instead, 0 to 1. */
  readonly reads: number
  readonly encoding: Encoding
}

/** Makes the calls of a load, one like the other but for the share of reads. */
export class Calls {
  readonly #target: LoadTarget
  readonly #reads: number
  readonly #write: CallKind
  readonly #commands: Commands
  // Drawn, not counted off: callers come round in the order of their groups, and some groups would get all the reads.
  readonly #random = new Random(1)
  /** Commands of one call that writes. */
  readonly many: number

  constructor(target: LoadTarget, { bytes, many, reads, encoding }: CallShape) {
    this.#target = target
    this.#reads = reads
    this.#write = many === 1 ? WRITE : MANY
    this.#commands = new Commands(many, bytes, encoding)
    this.many = many
  }

  get groups(): number {
    return this.#target.groups
  }

  pick(): CallKind {
    return this.#reads > 0 && this.#random.chance(this.#reads) ? READ : this.#write
  }

  /** Commands that such a call proposes. */
  commandsOf(kind: CallKind): number {
    return kind === READ ? 0 : this.many
  }

  send(kind: CallKind, group: number, caller: number): Promise<unknown> {
    if (kind === WRITE) return this.#target.propose(group, this.#commands.next(caller))
    if (kind === MANY) return this.#target.proposeMany(group, this.#commands.nextMany(caller))
    return this.#target.read(group)
  }
}
