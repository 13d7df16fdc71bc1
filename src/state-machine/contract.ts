import type { ExternalMachine } from './external.js'
import type { MemoryMachine } from './memory.js'
import type { KeyKind, StoredMachine, ValueKind } from './stored.js'

/**
 * A deterministic state machine: each node runs one state of it per group, and feeds all of them the same commands in
 * the same order. It is loaded by URL inside the group's worker thread, and all of it is synchronous: no promise
 * resolves and no timer fires in that thread. Its `kind` says where its state lives.
 */
export type AnyStateMachine =
  // biome-ignore-start lint/suspicious/noExplicitAny: each machine has types of its own, and its host looks at none of them
  | MemoryMachine<any, any, any, any, any>
  | StoredMachine<any, any, any, any, any, any>
  | ExternalMachine<any, any, any, any, any>
// biome-ignore-end lint/suspicious/noExplicitAny: see above

/**
 * Types a machine and hands it back: the module's default export.
 *
 * @example
 * export default defineStateMachine({
 *   id: 1,
 *   create: () => ({ total: 0 }),
 *   execute(state, command: { add: number }) { state.total += command.add; return state.total },
 *   query: (state) => state.total,
 *   snapshot: (state) => state,
 *   restore: (saved) => saved as { total: number },
 * })
 */
export function defineStateMachine<State, Command = unknown, Result = unknown, Query = unknown, Answer = unknown>(
  machine: MemoryMachine<State, Command, Result, Query, Answer>,
): MemoryMachine<State, Command, Result, Query, Answer>
export function defineStateMachine<
  Keys extends KeyKind = 'text',
  Values extends ValueKind = 'cbor',
  Command = unknown,
  Result = unknown,
  Query = unknown,
  Answer = unknown,
>(
  machine: StoredMachine<Keys, Values, Command, Result, Query, Answer>,
): StoredMachine<Keys, Values, Command, Result, Query, Answer>
export function defineStateMachine<State, Command = unknown, Result = unknown, Query = unknown, Answer = unknown>(
  machine: ExternalMachine<State, Command, Result, Query, Answer>,
): ExternalMachine<State, Command, Result, Query, Answer>
export function defineStateMachine(machine: AnyStateMachine): AnyStateMachine {
  return machine
}
