import type { Instance, NodeId } from '../base/numbers.js'

/**
 * A run is the unit in which commands travel: consecutive commands of one origin, encoded back to back. It is never
 * split or merged after its origin has made it, so that command `(origin, incarnation, sequence + k)` always travels
 * in the same run, and one comparison dedupes all of them.
 *
 * A run with `session === 0` carries no commands: it asks the log to open a session for its origin.
 */
export interface CommandRun {
  readonly origin: NodeId
  /** 64 random bits as 16 hex digits, drawn at each start of a process. */
  readonly incarnation: string
  /** The instance that opened the origin's session; 0: this run opens one. */
  readonly session: Instance
  /** The sequence of the first command. */
  readonly sequence: number
  readonly count: number
  /** Every command of this session below it has ended at the origin: replicas may forget them. */
  readonly floor: number
  /** The encoded commands (see codec/commands.ts); opaque to the core. */
  readonly body: Uint8Array
}

/** What an instance chooses: runs, encoded by the codec. */
export type Value = Uint8Array

/** The core never looks into bytes; this is what it needs of the codec. Pure functions. */
export interface ValueCodec {
  encode(runs: readonly CommandRun[]): Value
  /** Runs whose bodies are views into `value`. Throws on a malformed value (checked before it was ever accepted). */
  decode(value: Value): CommandRun[]
  /** Bytes that `run` adds to a value. */
  size(run: CommandRun): number
  /** crc32 of `value` continued from `seed`. */
  checksum(value: Value, seed: number): number
}
