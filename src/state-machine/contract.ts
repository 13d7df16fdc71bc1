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

/**
 * A deterministic state machine: each node runs one state of it per group, and feeds all of them the same commands in
 * the same order. It is loaded by URL inside the group's worker thread, and all of it is synchronous: no promise
 * resolves and no timer fires in that thread.
 */
export interface StateMachine<State = unknown, Command = unknown, Result = unknown, Query = unknown, Answer = unknown> {
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
  /** The state before the first command of a group. Called once per group and start. */
  create(): State
  /**
   * Changes `state` and returns the caller's result, which must encode to at most `maxResultBytes`.
   *
   * `throw new Reject(reason)` refuses the command: its caller gets the reason, the log goes on. Leave `state` as it was
   * before you throw it. Anything else that is thrown stops the group on this node (`EXECUTE_FAILED`): its state is
   * thrown away and rebuilt from the log.
   *
   * @example execute(state, command) { state.total += command.add; return state.total }
   */
  execute(state: State, command: Command, context: ExecuteContext): Result
  /** Answers a read and changes nothing. `throw new Reject(reason)` refuses it; any other throw fails this read alone. */
  query?(state: State, query: Query): Answer
  /** The state as something cbor-x encodes. To be called between commands; not called yet. */
  snapshot?(state: State): unknown
  /** The state that `snapshot` gave. Not called yet. */
  restore?(saved: unknown): State
}

/**
 * Types a machine and hands it back: the module's default export.
 *
 * @example
 * export default defineStateMachine({
 *   id: 1,
 *   create: () => ({ total: 0 }),
 *   execute(state, command: { add: number }) { state.total += command.add; return state.total },
 *   query: (state) => state.total,
 * })
 */
export function defineStateMachine<State, Command = unknown, Result = unknown, Query = unknown, Answer = unknown>(
  machine: StateMachine<State, Command, Result, Query, Answer>,
): StateMachine<State, Command, Result, Query, Answer> {
  return machine
}

/** A machine whose types do not matter to its host. */
// biome-ignore lint/suspicious/noExplicitAny: each machine has types of its own, and its host looks at none of them
export type AnyStateMachine = StateMachine<any, any, any, any, any>
