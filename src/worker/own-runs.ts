import type { Millis } from '../base/numbers.js'
import { Queue } from '../base/queue.js'
import { fail } from '../codec/codec-error.js'
import { COMMAND_HEADER_BYTES, checkBody, forEachCommand } from '../codec/command-body.js'
import { RUN_HEADER_BYTES } from '../codec/commands.js'
import { RunBuilder } from '../codec/run-builder.js'
import type { OwnRun } from '../core/input.js'
import type { ReplyOutlet } from './reply-outlet.js'

export interface RunBounds {
  /** A run and its header stay below it, so that it fits an instance; a single command of any size may always be. */
  readonly batchBytes: number
  readonly batchCount: number
}

/** A run of one source: the host, or a port of the application. */
export interface SourcedRun extends OwnRun {
  readonly replies: ReplyOutlet
  /** What its first command is called there. */
  readonly calledThere: number
}

/**
 * The commands of this node's callers on their way into one group: gathered into runs, held back while the core has
 * enough of them, and remembered until they end, so that every one of them ends exactly once. Each source has numbers of
 * its own; to the core, to the log and to the other nodes they are one sequence, in the order in which runs were cut.
 */
export class OwnRuns {
  /** Runs that the core has, by first sequence. */
  readonly #open = new Map<number, SourcedRun>()
  readonly #held = new Queue<SourcedRun>()
  readonly #builder = new RunBuilder()
  readonly #bounds: RunBounds
  readonly #take: (count: number) => number
  #replies: ReplyOutlet | undefined
  #calledThere = 0
  readonly #cutUpTo = new WeakMap<ReplyOutlet, number>()
  #deadline: Millis = 0
  #heldBytes = 0

  /** `takeSequences` gives the first of so many sequences that nobody has had. */
  constructor(bounds: RunBounds, takeSequences: (count: number) => number) {
    this.#bounds = bounds
    this.#take = takeSequences
  }

  /** Bytes that wait outside of the core. */
  get heldBytes(): number {
    return this.#heldBytes + this.#builder.byteLength
  }

  /** The last number of this source that was added. */
  readUpTo(replies: ReplyOutlet): number {
    const { count } = this.#builder
    if (count > 0 && replies === this.#replies) return this.#calledThere + count - 1
    return this.#cutUpTo.get(replies) ?? 0
  }

  get openRuns(): number {
    return this.#open.size
  }

  /** One command, copied out of `source`. Runs are of one source, and of consecutive numbers there. */
  add(
    replies: ReplyOutlet,
    number: number,
    machineId: number,
    flags: number,
    source: Uint8Array,
    offset: number,
    length: number,
    deadline: Millis,
  ): void {
    const builder = this.#builder
    const { batchBytes, batchCount } = this.#bounds
    if (builder.count > 0) {
      const bytes = RUN_HEADER_BYTES + builder.byteLength + COMMAND_HEADER_BYTES + length
      if (bytes > batchBytes || builder.count >= batchCount || !this.#follows(replies, number)) this.cut()
    }
    this.#note(replies, number, deadline)
    builder.add(machineId, flags, source, offset, length)
  }

  /**
   * Commands with the numbers `number .. number + count - 1`, which stand in `source` as in the body of a run. Throws
   * CodecError if they do not.
   */
  addAll(
    replies: ReplyOutlet,
    number: number,
    count: number,
    source: Uint8Array,
    offset: number,
    length: number,
    deadline: Millis,
  ): void {
    const builder = this.#builder
    const { batchBytes, batchCount } = this.#bounds
    if (checkBody(source, offset, offset + length) !== count)
      fail('MALFORMED', `a record does not hold ${count} commands`)
    const bytes = RUN_HEADER_BYTES + builder.byteLength + length
    const follows = builder.count === 0 || this.#follows(replies, number)
    if (!follows || bytes > batchBytes || builder.count + count > batchCount) {
      this.cut()
      if (RUN_HEADER_BYTES + length > batchBytes || count > batchCount) {
        this.#addEach(replies, number, source.subarray(offset, offset + length), deadline)
        return
      }
    }
    this.#note(replies, number, deadline)
    builder.addAll(count, source, offset, length)
  }

  /** The command with this number is the next one of the run that is being gathered. */
  #follows(replies: ReplyOutlet, number: number): boolean {
    return replies === this.#replies && number === this.#calledThere + this.#builder.count
  }

  /** Whose run it is that is being gathered, if it begins here; its deadline is the latest of all. */
  #note(replies: ReplyOutlet, number: number, deadline: Millis): void {
    if (this.#builder.count === 0) {
      this.#replies = replies
      this.#calledThere = number
      this.#deadline = deadline
    } else if (deadline > this.#deadline) this.#deadline = deadline
  }

  /** More than one run may hold. */
  #addEach(replies: ReplyOutlet, number: number, body: Uint8Array, deadline: Millis): void {
    forEachCommand(body, (machineId, flags, offset, length, index) => {
      this.add(replies, number + index, machineId, flags, body, offset, length, deadline)
    })
  }

  /** Ends the run that is being gathered. */
  cut(): void {
    const count = this.#builder.count
    if (count === 0) return
    const body = this.#builder.take()
    const replies = this.#replies as ReplyOutlet
    const calledThere = this.#calledThere
    this.#cutUpTo.set(replies, calledThere + count - 1)
    this.#heldBytes += body.length
    this.#held.push({ sequence: this.#take(count), count, body, deadline: this.#deadline, replies, calledThere })
  }

  /** The next run for the core, which is open from now on. */
  take(): OwnRun | undefined {
    const run = this.#held.shift()
    if (run === undefined) return undefined
    this.#heldBytes -= run.body.length
    this.#open.set(run.sequence, run)
    return run
  }

  /** Undefined: nobody waits for this run any more, because it ended when the group was rebuilt. */
  find(sequence: number): SourcedRun | undefined {
    return this.#open.get(sequence)
  }

  end(sequence: number): boolean {
    return this.#open.delete(sequence)
  }

  /** Ends everything: runs that the core had may still take effect, those it never saw will not. */
  endAll(end: (run: SourcedRun, proposed: boolean) => void): void {
    this.cut()
    for (const run of this.#open.values()) end(run, true)
    this.#open.clear()
    for (let run = this.#held.shift(); run !== undefined; run = this.#held.shift()) end(run, false)
    this.#heldBytes = 0
  }
}
