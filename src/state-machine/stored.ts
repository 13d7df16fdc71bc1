import type { ExecuteContext, MachineCommon } from './machine-common.js'

/** What an `'ordered'` key may be. `-0` is `0`; `NaN` is refused. */
export type OrderedKey = string | number | boolean | Uint8Array | readonly OrderedKey[]

export interface KeyTypes {
  text: string
  bytes: Uint8Array
  ordered: OrderedKey
}
export type KeyKind = keyof KeyTypes

export interface ValueTypes {
  cbor: unknown
  bytes: Uint8Array
}
export type ValueKind = keyof ValueTypes

export interface RangeOptions<Key> {
  /** The lowest key, itself included. Default: from the first one. */
  readonly from?: Key
  /** Where the range ends, itself excluded. Default: to the last one. */
  readonly end?: Key
  /** From the highest key down to the lowest. */
  readonly reverse?: boolean
  /** How many entries at the most. */
  readonly limit?: number
}

/**
 * The state of a stored machine as a query sees it: as of the last executed command. To be used during the call only.
 * Keys and values that it gives out are copies of the caller's own, to keep and to change.
 */
export interface StateReadView<Key, Value> {
  get(key: Key): Value | undefined
  has(key: Key): boolean
  /**
   * The entries from `from` up to, not including, `end`, in the order of their keys, each read when it is asked for. It
   * shows the state as it was when `range` was called: entries may be put and removed while it runs.
   *
   * @example for (const [key, value] of state.range({ from: 'user:', end: 'user;', limit: 100 })) ...
   */
  range(options?: RangeOptions<Key>): IterableIterator<[Key, Value]>
}

/** The state of a stored machine as a command sees it: with everything put and removed so far. */
export interface StateView<Key, Value> extends StateReadView<Key, Value> {
  /** Keeps a copy of both; a value encodes to at most 64 MiB. */
  put(key: Key, value: Value): void
  /** Does nothing where there is no such key. */
  remove(key: Key): void
}

/**
 * A machine whose state is a sorted map on disk: larger than memory, and there again after a restart without executing
 * more than the last moments of the log. What `execute` puts and removes becomes durable together with the position of
 * the command in the log, so no command is executed twice on one state.
 *
 * @example
 * export default defineStateMachine({
 *   kind: 'stored',
 *   id: 1,
 *   execute(state, { account, amount }: { account: string; amount: number }) {
 *     const balance = ((state.get(account) as number | undefined) ?? 0) + amount
 *     if (balance < 0) throw new Reject('insufficient balance')
 *     state.put(account, balance)
 *     return balance
 *   },
 *   query: (state, account: string) => state.get(account) ?? 0,
 * })
 */
export interface StoredMachine<
  Keys extends KeyKind = KeyKind,
  Values extends ValueKind = ValueKind,
  Command = unknown,
  Result = unknown,
  Query = unknown,
  Answer = unknown,
> extends MachineCommon<Command, Result> {
  readonly kind: 'stored'
  /**
   * What keys are, and their order. Default `text`. Never change it: it is how the keys stand on disk. A key has at most
   * 1024 bytes as encoded.
   *
   * - `text`: strings, as UTF-8, in the order of their code points. Half a surrogate pair is refused.
   * - `bytes`: `Uint8Array`, in the order of the bytes; of two where one begins with the other, the shorter is first.
   * - `ordered`: booleans before numbers before strings before bytes before arrays, each in its own order; an array by
   *   its items. A number takes 9 bytes, a string or bytes two more than they have (and one for each zero byte), an
   *   array two more than its items.
   */
  readonly keys?: Keys
  /**
   * What values are. Default `cbor`: plain data, as commands (`undefined` included). `bytes`: `Uint8Array`. Never change
   * it either.
   */
  readonly values?: Values
  /**
   * Changes the state and returns the caller's result, which must encode to at most `maxResultBytes`.
   *
   * `throw new Reject(reason)` refuses the command: whatever it has put and removed is undone, its caller gets the
   * reason, the log goes on. Anything else that is thrown stops the group on this node (`EXECUTE_FAILED`), also what the
   * view throws (`TypeError`) for a key or value it cannot take: check what comes from outside, and reject it.
   */
  execute(state: StateView<KeyTypes[Keys], ValueTypes[Values]>, command: Command, context: ExecuteContext): Result
  /** Answers a read. `throw new Reject(reason)` refuses it; any other throw fails this read alone. */
  query?(state: StateReadView<KeyTypes[Keys], ValueTypes[Values]>, query: Query): Answer
}
