import type { Millis } from '../base/numbers.js'
import type { PaxosError } from './paxos-error.js'

/** One encoded command, query, or message payload as it goes into a ring. */
export interface Payload {
  readonly flags: number
  readonly bytes: Uint8Array
}

export interface Answer {
  /** The log position that chose the command, and its place within it; 0 and 0 for reads. */
  readonly instance: number
  readonly index: number
  readonly result: unknown
}

/** What `proposeMany` gives for each command. */
export type SettledAnswer = Answer | { readonly error: PaxosError }

export type Done = (value: never) => void

/**
 * One call that waits for its answer: a `propose`, a whole `proposeMany`, or a read. It is in the host's queue while
 * `first` is 0; from then on its commands have the sequences `first .. first + count - 1` and belong to the worker.
 */
export class Pending {
  readonly count: number
  readonly bytes: number
  /** When it came. */
  readonly since: Millis
  readonly deadline: Millis
  readonly machineId: number
  resolve: Done
  readonly reject: (error: PaxosError) => void
  first = 0
  /** How many of the payloads the worker has. */
  handed = 0
  /** How many commands have their end, and how many of these are a result. */
  settled = 0
  answered = 0
  done = false
  /** Held only while some of them wait in the host. */
  payloads: readonly Payload[] | undefined
  /** Of a `proposeMany`: filled in as the ends come. */
  readonly answers: (SettledAnswer | undefined)[] | undefined
  /** Takes the listener off the caller's signal. */
  release: (() => void) | undefined

  constructor(
    count: number,
    bytes: number,
    since: Millis,
    deadline: Millis,
    machineId: number,
    many: boolean,
    resolve: (value: never) => void,
    reject: (error: PaxosError) => void,
  ) {
    this.count = count
    this.bytes = bytes
    this.since = since
    this.deadline = deadline
    this.machineId = machineId
    this.answers = many ? new Array<SettledAnswer | undefined>(count).fill(undefined) : undefined
    this.resolve = resolve
    this.reject = reject
    this.payloads = undefined
    this.release = undefined
  }
}
