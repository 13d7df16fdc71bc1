import type { ExecuteContext, MachineCommon } from './machine-common.js'

/**
 * A machine whose state is a JavaScript value in the memory of its thread. The fastest kind: nothing is encoded, nothing
 * is written. A start loads the last checkpoint and executes the log from there.
 */
export interface MemoryMachine<State = unknown, Command = unknown, Result = unknown, Query = unknown, Answer = unknown>
  extends MachineCommon<Command, Result> {
  readonly kind?: 'memory'
  /** The state before the first command of a group. Called once per group and start. */
  create(): State
  /**
   * Changes `state` and returns the caller's result, which must encode to at most `maxResultBytes`.
   *
   * `throw new Reject(reason)` refuses the command: its caller gets the reason, the log goes on. Leave `state` as it was
   * before you throw it: nothing undoes what was changed. Anything else that is thrown stops the group on this node
   * (`EXECUTE_FAILED`): its state is thrown away and built again.
   *
   * @example execute(state, command) { state.total += command.add; return state.total }
   */
  execute(state: State, command: Command, context: ExecuteContext): Result
  /** Answers a read and changes nothing. `throw new Reject(reason)` refuses it; any other throw fails this read alone. */
  query?(state: State, query: Query): Answer
  /**
   * The whole state as something that cbor encodes: plain data, no classes, no functions, at most 64 levels deep and
   * 1 GiB encoded. It is encoded before the next command is executed, so parts of the state may be handed out as they
   * are. A group with a machine that lacks `snapshot` or `restore` has no checkpoints: its log is kept for ever.
   */
  snapshot?(state: State): unknown
  /** The state that `snapshot` gave; `saved` is a copy of its own, nobody else's. */
  restore?(saved: unknown): State
}
