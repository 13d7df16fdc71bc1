import type { GroupIndex, Instance } from '../base/numbers.js'
import type { DurableState, Head, LogRecord } from '../core/durable.js'

/** What one group has to make durable in a round. */
export interface GroupWrite {
  readonly group: GroupIndex
  /** In the order in which they were taken; a later record of an instance replaces an earlier one. */
  readonly records: readonly LogRecord[]
  readonly head: Head
}

/**
 * The logs of the groups of one store: synchronous, used by one thread, which owns it.
 *
 * A commit is atomic across all groups in it, and durable when it returns. A store adds to each head the identity of
 * its voter and a digest of the accepted tail (`chosenUpTo + 1..lastAccepted`), and refuses at `load` a tail that is not
 * the one that was acknowledged: a store that lost something says so, it never looks shorter or empty.
 *
 * Every method throws `StoreError` for what a disk may do, and `InvariantBroken` for what a caller may not.
 */
export interface LogStore {
  /**
   * Head and accepted tail of a group; undefined if it was never created here. Throws GROUP_DAMAGED if it was created,
   * but its head is unreadable, or a record of its tail is missing or is not the one last written.
   */
  load(group: GroupIndex): DurableState | undefined

  /** Creates groups with an empty head, in one durable commit. Groups that exist are left as they are. */
  create(groups: readonly GroupIndex[]): void

  /**
   * ONE durable commit for all that waits, of all groups of this store. On return everything is flushed, unless the store
   * is relaxed (`setRelaxed`). Each group at
   * most once, and only after `load` or `create`. Heads never go back: `promised`, `chosenUpTo` and `firstKept` only
   * grow. Records below `firstKept` are deleted by later commits, a bounded slice in some of them.
   * Throws STORAGE_FAILED or DISK_FULL, after which nothing of the commit may be taken as stored, nor as not stored, and
   * every later call throws too.
   */
  commit(writes: readonly GroupWrite[]): void

  /**
   * Records `from..upTo` in order: at least one if there is one, stopping before the values exceed `maxBytes`, at the
   * first missing one, or before a damaged one. A damaged first record throws RECORD_DAMAGED with its instance.
   * The values are copies owned by the caller.
   */
  read(group: GroupIndex, from: Instance, upTo: Instance, maxBytes: number): LogRecord[]

  /**
   * Relaxed, a commit outlives the process, but not the machine, until `flush`, or until the store makes it durable on its
   * own. The store has noted durably that it is when this returns: opened in another boot of the machine it is
   * STORE_DAMAGED, as nobody knows what it has forgotten. The note is gone after `setRelaxed(false)` and after `close`.
   * Stores are opened not relaxed. Throws as `commit` does.
   */
  setRelaxed(isRelaxed: boolean): void

  /** Something was committed that is not flushed. */
  readonly hasUnflushed: boolean

  /** Everything that was committed is durable on return. Throws STORE_DAMAGED if that fails: nobody knows what is lost. */
  flush(): void

  /** Once per round: lets go of whatever a read may hold. */
  endRound(): void

  /** Nothing may be called after it but itself. */
  close(): void
}

/**
 * Called around every native transaction, those of reads included: a thread must not be terminated inside one, or it
 * hangs together with the process. What `beginCommit` throws passes through, and the store has done nothing.
 */
export interface StoreGate {
  beginCommit(): void
  endCommit(): void
}

export const OPEN_GATE: StoreGate = { beginCommit() {}, endCommit() {} }
