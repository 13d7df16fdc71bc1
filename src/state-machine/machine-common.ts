import type { Instance, NodeId } from '../base/numbers.js'

/** Built-in machines have the ids from here up; those of users are 1 to this minus one. */
export const FIRST_BUILT_IN_ID = 0xff00

/**
 * What a command knows about where it stands: its log position, and nothing else. No clock, no randomness, no master of
 * *now*: a replay must give the same result as the first run. The object is reused: copy what you keep.
 */
export interface ExecuteContext {
  /** The instance that chose the command: 1, 2, 3, ... without gaps, but many instances hold several commands. */
  readonly instance: Instance
  /** The command's place within its instance, from 0; `(instance, index)` grows from command to command. */
  readonly index: number
  /** The master as of this log position; `nodeId` 0 if there is none. */
  readonly master: { readonly nodeId: NodeId; readonly version: Instance }
}

/**
 * Bytes of one machine, if neither cbor nor raw bytes will do. Both functions are synchronous; `encode` returns bytes
 * that stay unchanged until its next call. What `decode` throws rejects the command, alike on every replica.
 */
export interface MachineCodec<Command, Result> {
  decode(bytes: Uint8Array): Command
  encode(result: Result): Uint8Array
}

/** What machines of all kinds have. */
export interface MachineCommon<Command, Result> {
  /** 1..65279, unique within a node, the same for ever: it stands in the log. */
  readonly id: number
  /**
   * How commands and queries reach the machine, and how results and answers leave it. Default `cbor`.
   *
   * - `cbor`: whatever the caller gave; a `Uint8Array` comes as one, everything else as cbor-x encodes and decodes it.
   * - `bytes`: `Uint8Array` only, without any decoding. It is a view: valid during the call, copy what you keep.
   * - an object: your own functions between bytes and values; callers give a `Uint8Array`.
   */
  readonly codec?: 'cbor' | 'bytes' | MachineCodec<Command, Result>
}
