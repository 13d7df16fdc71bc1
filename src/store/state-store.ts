import type { GroupIndex, Instance } from '../base/numbers.js'

/** What a group's state stands for. Committed together with the changes that lead there, always between two instances. */
export interface StatePosition {
  /** Everything up to this instance was executed, nothing behind it. */
  readonly executedUpTo: Instance
  /** The checksum chain of the log at this instance. */
  readonly chain: number
  /** Digest of the results up to it. */
  readonly digest: number
  /** The built-in state (sessions) at this instance, as the group encodes it. */
  readonly builtIn: Uint8Array
}

export interface StateEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** A key's new value; undefined: it is removed (also if it was not there). */
export interface StateChange {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/** What one group has to make durable. */
export interface StateWrite {
  readonly group: GroupIndex
  readonly position: StatePosition
  /** By machine id; ascending by key (bytewise), each key once. */
  readonly changes: ReadonlyMap<number, readonly StateChange[]>
}

/** Where a scrub goes on. Opaque; it stays good through commits, and loses its meaning when the state is replaced. */
export type ScrubCursor = Uint8Array

export const MAX_STATE_KEY_BYTES = 1024
export const MAX_STATE_VALUE_BYTES = 64 * 1024 * 1024
export const MAX_MACHINE_ID = 0xffff

/**
 * The state of the stored machines of all groups of one store: synchronous, used by one thread, which owns it. Each
 * group has entries (machine id, key) -> value, and a position. Keys are compared bytewise.
 *
 * Every answer, also that there is nothing, is proven by checksums up to the head of the group. What cannot be proven
 * throws `STATE_DAMAGED` with the group, and nothing else of the store is concerned: the group is to be dropped, or
 * loaded from a checkpoint.
 *
 * Bytes that are handed in are copied. Bytes that are handed out do not change, and may be kept, but must not be written
 * to: they may lie in a block that others read, and keep all of it (some 10 KB) in memory.
 *
 * Every method throws `StoreError` for what a disk may do, and `InvariantBroken` for what a caller may not. After
 * `STORAGE_FAILED`, `DISK_FULL` and `STORE_DAMAGED` every later call throws too.
 */
export interface StateStore {
  readonly path: string

  /**
   * Where the group's state stands; undefined: nothing was ever committed for it here, or it was dropped. To be called
   * before any other method for this group. The whole state may be of an earlier commit than the last one, if damage made
   * LMDB go back: its position then says so, and the log holds the rest or does not.
   */
  load(group: GroupIndex): StatePosition | undefined

  /** The value as of the last commit. */
  get(group: GroupIndex, machine: number, key: Uint8Array): Uint8Array | undefined

  /**
   * Entries with from <= key < end, ascending, or descending with `reverse`, read lazily. All of them are of one commit:
   * the iteration must end before the group's next one, or it throws.
   */
  range(
    group: GroupIndex,
    machine: number,
    from: Uint8Array,
    /** Undefined: up to the machine's last key. */
    end?: Uint8Array,
    reverse?: boolean,
  ): IterableIterator<StateEntry>

  /**
   * ONE durable commit for all groups in `writes`, each at most once. Positions never go back. If it throws
   * `STATE_DAMAGED`, nothing was stored, and it may be tried again without that group.
   *
   * Each block with a change in it is written anew, some 12 KB, and the file holds the changed blocks of the last two
   * commits besides the state. So keys that lie scattered are best committed by the thousand, and not by the ten thousand.
   */
  commit(writes: readonly StateWrite[]): void

  /**
   * Begins to replace all state of a group. What is there stays, and may be read and written, until `finish`. One load of
   * a group at a time. A group that is damaged need not be dropped before.
   */
  beginLoad(group: GroupIndex): StateLoad

  /**
   * Reads some `maxBytes` of a group's state from the disk, past every cache, and compares it with its checksums.
   * `cursor` undefined: from the beginning. Returns where to go on, or undefined at the end.
   */
  scrub(group: GroupIndex, cursor: ScrubCursor | undefined, maxBytes: number): ScrubCursor | undefined

  /** Throws away what the group has. Durable; the space is given back by `collect`. */
  drop(group: GroupIndex): void

  /**
   * Gives back about `maxBytes` of what nothing refers to any more: replaced and dropped states, loads that were broken
   * off. One durable commit. False if there was nothing left to do.
   */
  collect(maxBytes: number): boolean

  /** Once per round: lets go of whatever a read may hold. */
  endRound(): void

  /** Nothing may be called after it but itself. */
  close(): void
}

/** A replacement of a group's state, in slices, with other commits of the store in between. */
export interface StateLoad {
  /**
   * One durable commit with some entries, ascending by key within a machine, and machines ascending, over all calls. The
   * caller keeps them small: a megabyte, or one entry.
   */
  add(machine: number, entries: Iterable<StateEntry>): void

  /** One small durable commit, after which the group has the new state and nothing of the old one. */
  finish(position: StatePosition): void

  /** Leaves the group as it is. Also what a crash before `finish` comes to. */
  abort(): void
}
