import type { GroupIndex, Instance } from '../base/numbers.js'
import type { ExecuteContext, MachineCommon } from './machine-common.js'

/** Of a command in the log: ordered by instance, then by index. */
export interface MachinePosition {
  readonly instance: Instance
  readonly index: number
}

/** Where the state of one group lives. */
export interface ExternalHome {
  readonly group: GroupIndex
  /** Exists, and is this machine's and group's alone; empty before the first `open` and before `restore`. */
  readonly directory: string
}

/**
 * A machine that keeps its state itself: an embedded database, files, a native library. It must be synchronous, and it
 * must keep with its state the position of the last command that is in it: state and position become durable together
 * or not at all. The contract suite `test/state-machine/external-contract.ts` says the same in tests.
 *
 * After a restart the group's log is executed again from wherever the group's other state stands. The runtime asks for
 * `position` and leaves out every command at or below it. Such a command has no outcome any more; hence the results of
 * external machines are in no digest that nodes compare: a node that was restarted would seem to differ.
 */
export interface ExternalMachine<
  State = unknown,
  Command = unknown,
  Result = unknown,
  Query = unknown,
  Answer = unknown,
> extends MachineCommon<Command, Result> {
  readonly kind: 'external'
  /**
   * Opens what the directory holds: the state exactly as of its position, whatever moment the process was killed at
   * before. Called once per group and start, and again after `close` when the group is built anew.
   */
  open(home: ExternalHome): State
  /**
   * The last command whose effect is durable: a process killed now, a power cut included, finds this command's effect
   * and those of all before it when it opens the state, and a later one's only with a later position. `{ instance: 0,
   * index: -1 }` for an empty state. Never behind what it said before, never ahead of what was executed.
   */
  position(state: State): MachinePosition
  /**
   * Changes the state and returns the caller's result, which must encode to at most `maxResultBytes`. Callers have the
   * result before the effect is durable: the command is in the log, and is executed again if the effect is lost.
   *
   * `throw new Reject(reason)` refuses the command, which must leave no trace then; the position may stay behind it.
   * After any other throw the runtime calls `close` and `open`: nothing of the failed command may be found then.
   */
  execute(state: State, command: Command, context: ExecuteContext): Result
  /** Answers a read and changes nothing. `throw new Reject(reason)` refuses it; any other throw fails this read alone. */
  query?(state: State, query: Query): Answer
  /**
   * Makes durable whatever was executed: afterwards `position` is that of the last command that was not rejected. A
   * machine without it must be as far when `execute` returns. The log is kept back to the last sync, so it is called
   * before each checkpoint.
   */
  sync?(state: State): void
  /**
   * Writes the state with its position into `directory`, an empty one: plain files whose names are up to 100 letters,
   * digits, `.`, `_` and `-`, beginning with a letter or digit. Called between two commands, after `sync`; what is
   * executed later must not change these files. The group waits meanwhile: prefer links to files that never change over
   * copies. The runtime makes them durable.
   */
  save(state: State, directory: string): void
  /**
   * Fills the empty `home.directory` with the state that `save` had written into `from`, and opens it. Durable when it
   * returns. `from` is gone afterwards: copy, do not refer to it.
   */
  restore(home: ExternalHome & { readonly from: string }): State
  /** The state is not used again. Makes nothing durable that `position` does not tell; may be left out. */
  close?(state: State): void
}
